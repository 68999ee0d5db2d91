import { SHIPPED_AGENTS } from '@agentfleet/domain'
import { STREAMS, type AgentView } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type Client } from '@agentfleet/client'
import { nextPointer, setup, type GatewayBench } from '../support.ts'

/** A tenant for each test, so that no test sees the definitions of another one. */
const TENANTS = [
  'acme',
  'other',
  'writers',
  'built-in',
  'keeps',
  'undefined',
  'version',
  'deleted',
  'changed',
  'teams',
  'later',
  'newest',
]
const keyOf = (tenant: string): string => `${tenant}-key-0123456789`
const clientOf = (tenant: string): Client => shared.client(keyOf(tenant))
let shared: GatewayBench
beforeAll(async () => {
  const keys = TENANTS.map((tenant) => `${tenant}:${keyOf(tenant)}`)
  shared = await setup({ API_KEYS: keys.join(',') })
})
afterAll(() => shared[Symbol.asyncDispose]())

test('the definition of an agent gets versions, can be changed with its ETag and deleted, and is hidden from other tenants', async () => {
  const acme = clientOf('acme')
  const first = await acme.putAgent('triage', { systemPrompt: 'sort', model: 'm-1' })
  expect(first).toMatchObject({ name: 'triage', version: 1, builtIn: false })
  expect((await acme.putAgent('triage', { systemPrompt: 'sort', model: 'm-1' })).version).toBe(1)
  const second = await acme.putAgent('triage', { systemPrompt: 'sort well' }, { ifVersion: 1 })
  expect(second.version).toBe(2)
  await expect(
    acme.putAgent('triage', { systemPrompt: 'late' }, { ifVersion: 1 }),
  ).rejects.toMatchObject({ status: 412, problem: { code: 'version-mismatch' } })
  await expect(acme.putAgent('triage', {}, { ifVersion: 0 })).rejects.toMatchObject({ status: 412 })
  expect((await acme.agent('triage', { version: 1 })).definition.model).toBe('m-1')
  expect((await acme.agents()).map(({ name }) => name)).toContain('triage')
  await expect(clientOf('other').agent('triage')).rejects.toMatchObject({ status: 404 })
  await acme.deleteAgent('triage', { ifVersion: 2 })
  await expect(acme.agent('triage')).rejects.toMatchObject({
    status: 404,
    problem: { code: 'agent-not-found' },
  })
  // The version numbers continue, so that a version in a task always has the same meaning.
  expect((await acme.putAgent('triage', { role: 'again' })).version).toBe(4)
})

test('two concurrent writers of an agent definition store each version once, and each lost change gets an error', async () => {
  const client = clientOf('writers')
  const made = await Promise.allSettled(
    Array.from({ length: 5 }, (_, index) => client.putAgent('same', { role: `r${index}` })),
  )
  const versions = made.flatMap((each) =>
    each.status === 'fulfilled' ? [(each.value as AgentView).version] : [],
  )
  expect(new Set(versions).size).toBe(versions.length)
  expect(versions.length).toBeGreaterThan(0)
  expect((await client.agent('same')).version).toBe(Math.max(...versions))
})

test('built-in agents can be hidden by definitions with their names, and return after the deletion', async () => {
  const client = clientOf('built-in')
  const names = (await client.agents()).map(({ name }) => name)
  expect(names).toEqual(Object.keys(SHIPPED_AGENTS).sort())
  expect(names).toEqual(expect.arrayContaining(['project-manager', 'developer', 'devops-engineer']))
  await expect(client.deleteAgent('developer')).rejects.toMatchObject({
    status: 409,
    problem: { code: 'agent-shipped' },
  })
  const own = await client.putAgent('developer', { systemPrompt: 'only Rust' })
  expect(own).toMatchObject({ version: 1, builtIn: false })
  await client.deleteAgent('developer')
  expect(await client.agent('developer')).toMatchObject({ version: 0, builtIn: true })
})

test('a task keeps the agent definition that was current when it was submitted, and the fields of the task override that definition', async () => {
  const client = clientOf('keeps')
  const responseSchema = { type: 'object', required: ['answer'] }
  await client.putAgent('analyst', {
    systemPrompt: 'count first',
    model: 'big',
    fallbackModels: ['small'],
    tools: ['calculator'],
    responseSchema,
    limits: { turnsMax: 7, maxOutputTokens: 900, timeoutMs: 60_000, budget: { tokens: 5_000 } },
  })
  const pointer = await nextPointer(shared.bus)
  const task = await client.submit({ task: 'how many', agent: 'Analyst', limits: { turnsMax: 3 } })
  expect(task).toMatchObject({
    agent: 'Analyst',
    model: 'big',
    systemPrompt: 'count first',
    definition: { name: 'analyst', version: 1 },
    fallbackModels: ['small'],
    tools: ['calculator'],
    responseSchema,
    budget: { tokens: 5_000 },
    limits: { turnsMax: 3 },
  })
  expect(await pointer()).toMatchObject({ spec: { definition: { name: 'analyst', version: 1 } } })
  await client.putAgent('analyst', { systemPrompt: 'guess' })
  expect((await shared.taskLog.record(task.id))?.spec).toMatchObject({
    systemPrompt: 'count first',
    maxOutputTokens: 900,
    timeoutMs: 60_000,
  })
  expect(
    await client.submit({ task: 'x', agent: 'analyst', agentVersion: 1, model: 'mine' }),
  ).toMatchObject({ systemPrompt: 'count first', model: 'mine', definition: { version: 1 } })
  expect(await client.submit({ task: 'x', agent: 'analyst' })).toMatchObject({
    systemPrompt: 'guess',
    definition: { version: 2 },
  })
})

test('the gateway refuses an undefined agent and lists the names of the defined agents', async () => {
  const client = clientOf('undefined')
  await client.putAgent('triage', {})
  await expect(client.submit({ task: 'x', agent: 'reviewr' })).rejects.toMatchObject({
    status: 422,
    problem: {
      code: 'unknown-agent',
      detail: expect.stringMatching(
        /reviewr\. Did you mean reviewer\? Use one of the agents .*triage/,
      ) as string,
      errors: [{ pointer: '/agent' }],
    },
  })
  const goal = await fetch(`${shared.gateway.url()}/v1/goals`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keyOf('undefined')}`, 'content-type': 'application/json' },
    body: JSON.stringify({ goal: 'x', planner: 'planer' }),
  })
  expect(await goal.json()).toMatchObject({ code: 'unknown-agent', status: 422 })
  const plain = await client.submit({ task: 'x', agent: 'assistant' })
  expect(plain).not.toHaveProperty('definition')
})

test('a task with an unknown version of an agent is refused, and an agent definition within a task needs no name', async () => {
  const client = clientOf('version')
  await expect(
    client.submit({ task: 'x', agent: 'Poet Laureate', agentVersion: 3 }),
  ).rejects.toMatchObject({
    status: 422,
    problem: { code: 'unknown-agent-version', errors: [{ pointer: '/agentVersion' }] },
  })
  expect(
    await client.submit({ task: 'x', agentDefinition: { role: 'clown', systemPrompt: 'joke' } }),
  ).toMatchObject({ agent: 'clown', systemPrompt: 'joke' })
  await expect(
    client.submit({ task: 'x', responseSchema: { type: 'thing' } }),
  ).rejects.toMatchObject({ status: 400, problem: { errors: [{ pointer: '/responseSchema' }] } })
})

test('L1: the same request under the same idempotency key leads to the same task, even when its agent is deleted in between', async () => {
  const client = clientOf('deleted')
  await client.putAgent('triage', { systemPrompt: 'sort' })
  const body = { task: 'x', agent: 'triage' }
  const { id } = await client.submit(body, { idempotencyKey: 'deleted' })
  await client.deleteAgent('triage')
  expect((await client.submit(body, { idempotencyKey: 'deleted' })).id).toBe(id)
  await expect(
    client.submit({ ...body, task: 'y' }, { idempotencyKey: 'deleted' }),
  ).rejects.toMatchObject({ problem: { code: 'idempotency-key-reused' } })
  await expect(client.submit(body, { idempotencyKey: 'new' })).rejects.toMatchObject({
    problem: { code: 'unknown-agent' },
  })
})

test('L1: the same body under the same idempotency key leads to the same task, even when its agent has changed in between', async () => {
  const client = clientOf('changed')
  const body = { task: 'x', agent: 'writer' }
  const task = await client.submit(body, { idempotencyKey: 'k' })
  await client.putAgent('writer', { systemPrompt: 'in verse' })
  expect(await client.submit(body, { idempotencyKey: 'k' })).toMatchObject({
    id: task.id,
    definition: { name: 'writer', version: 0 },
  })
  await expect(
    client.submit({ ...body, agentVersion: 1 }, { idempotencyKey: 'k' }),
  ).rejects.toMatchObject({ status: 422, problem: { code: 'idempotency-key-reused' } })
})

test('L1: the same goal, and the same run of a schedule, under one idempotency key leads to the same task, even when agents have changed or the schedule is deleted', async () => {
  const client = clientOf('teams')
  await client.putAgent('poet', { systemPrompt: 'in verse' })
  const goal = { goal: 'an ode', roles: ['poet'], planner: 'poet' }
  const { id } = await client.submitGoal(goal, { idempotencyKey: 'ode' })
  await client.putAgent('poet', { systemPrompt: 'in prose' })
  expect((await client.submitGoal(goal, { idempotencyKey: 'ode' })).id).toBe(id)
  await client.deleteAgent('poet')
  expect((await client.submitGoal(goal, { idempotencyKey: 'ode' })).id).toBe(id)
  await expect(
    client.submitGoal({ ...goal, goal: 'a hymn' }, { idempotencyKey: 'ode' }),
  ).rejects.toMatchObject({ problem: { code: 'idempotency-key-reused' } })
  await client.putSchedule('daily', { cron: '0 0 1 1 *', task: { task: 'x' } })
  const run = await client.runSchedule('daily', { idempotencyKey: 'run' })
  await client.deleteSchedule('daily')
  expect((await client.runSchedule('daily', { idempotencyKey: 'run' })).id).toBe(run.id)
  await expect(client.runSchedule('daily', { idempotencyKey: 'other' })).rejects.toMatchObject({
    problem: { code: 'schedule-not-found' },
  })
})

test('a gateway that starts later and another running gateway can return every agent definition', async () => {
  const client = clientOf('later')
  await client.putAgent('early', { systemPrompt: 'one' })
  const other = createClient({ baseUrl: (await shared.another()).url(), apiKey: keyOf('later') })
  expect(await other.submit({ task: 'x', agent: 'early' })).toMatchObject({ systemPrompt: 'one' })
  await client.putAgent('early', { systemPrompt: 'two' })
  // The other gateway may not have received the definitions yet.
  await client.putAgent('later', { systemPrompt: 'one' })
  expect(await other.submit({ task: 'x', agent: 'later' })).toMatchObject({ systemPrompt: 'one' })
  expect(await other.submit({ task: 'x', agent: 'early', agentVersion: 2 })).toMatchObject({
    systemPrompt: 'two',
  })
  await client.putAgent('early', { systemPrompt: 'three' })
  await eventually(async () => {
    expect((await other.agent('early')).version).toBe(3)
  }, 15_000)
})

test('L7: the gateway keeps the newest twenty versions of an agent', async () => {
  const client = clientOf('newest')
  for (let version = 1; version <= 25; version += 1) {
    await client.putAgent('busy', { role: `v${version}` })
  }
  await expect(client.agent('busy', { version: 5 })).rejects.toMatchObject({ status: 404 })
  expect((await client.agent('busy', { version: 6 })).definition.role).toBe('v6')
  const manager = await shared.bus.nats.jetstreamManager()
  const own = { subjects_filter: 'agents.newest.>' }
  const { state } = await manager.streams.info(STREAMS.agents, own)
  expect(state.subjects).toEqual({ 'agents.newest.busy': 20 })
})
