/** Every operation that openapi.yaml marks with `x-audit` writes one event with its caller and its target. */
import { RUN_GOAL } from '@agentfleet/domain'
import { CHANNELS, STREAMS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditedOperations, loadDocument } from '../../src/http/openapi/document.ts'
import { liveNode } from '../records.ts'
import { setup, type GatewayBench } from '../support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const SCHEDULE = { cron: '0 0 1 1 *', task: { task: 'x' } }

interface Change {
  readonly method: string
  readonly path: string
  readonly body?: object
  /** Its idempotency key. */
  readonly key?: string
  /** What the event names; absent: nothing single was changed. */
  readonly target?: string
}

let bench: GatewayBench
/** By operation; made after the things exist that they change. */
let changes: Readonly<Record<string, Change>>

beforeAll(async () => {
  bench = await setup({ ADMIN_KEY: ADMIN })
  const client = bench.client(ADMIN)
  const task = await client.submit({ task: 'x' })
  const other = await client.submit({ task: 'x' })
  const ended = await client.submit({ task: 'x' })
  await bench.complete(ended, 'done')
  const goal = await client.submitGoal({ goal: 'x', run: false })
  const wait = { kind: 'approval', step: 0, tool: RUN_GOAL, arguments: {} } as const
  const { seq = 0 } = (await bench.taskLog.last(goal.id)) ?? {}
  await bench.taskLog.append(
    goal.id,
    { type: 'paused', atMs: Date.now(), attempt: 1, wait },
    { expectSeq: seq, messageId: `${goal.id}.p`, deadlineMs: 5_000 },
  )
  const key = await client.createKey({ name: 'k', tenant: 'acme', scopes: ['tasks:read'] })
  bench.bus.on(CHANNELS.cancel, async ({ taskId, reason }) => {
    const { seq = 0, event } = (await bench.taskLog.last(taskId)) ?? {}
    const cancelled = { type: 'cancelled', atMs: Date.now(), reason } as const
    const options = { expectSeq: seq, messageId: `${taskId}.c`, deadlineMs: 5_000 }
    if (event?.type !== 'cancelled') await bench.taskLog.append(taskId, cancelled, options)
    return { kind: 'cancelled' }
  })
  bench.bus.on(CHANNELS.approve, () => Promise.resolve({ kind: 'resumed' as const }))
  bench.bus.on(CHANNELS.drain, async () => ({}), { where: { nodeId: 'n1' } })
  await eventually(async () => {
    const nodes = [liveNode({ active: 1 })]
    bench.bus.send(CHANNELS.snapshot, { atMs: 1, monitorId: 'm', nodes, queued: 0, running: 1 })
    expect(await client.node('n1')).toMatchObject({ node: { id: 'n1' } })
  })
  const [post, put, del] = ['POST', 'PUT', 'DELETE'] as const
  const one = `/v1/tasks/${task.id}`
  changes = {
    cancelTasks: { method: post, path: '/v1/tasks:cancel', body: { taskIds: [other.id] } },
    replayTasks: { method: post, path: '/v1/tasks:replay', body: { taskIds: [ended.id] } },
    replayTask: { method: post, path: `/v1/tasks/${ended.id}/replay`, target: ended.id },
    cancelTask: { method: post, path: `${one}/cancel`, target: task.id },
    approveStep: {
      method: post,
      path: `${one}/approvals/0`,
      body: { approved: true },
      target: task.id,
    },
    putAgent: { method: put, path: '/v1/agents/poet', body: { role: 'r' }, target: 'poet' },
    deleteAgent: { method: del, path: '/v1/agents/poet', target: 'poet' },
    runGoal: { method: post, path: `/v1/goals/${goal.id}/run`, target: goal.id },
    putSchedule: { method: put, path: '/v1/schedules/yearly', body: SCHEDULE, target: 'yearly' },
    runSchedule: { method: post, path: '/v1/schedules/yearly/run', target: 'yearly' },
    deleteSchedule: { method: del, path: '/v1/schedules/yearly', target: 'yearly' },
    drainNode: { method: post, path: '/v1/fleet/nodes/n1/drain', target: 'n1' },
    createKey: {
      method: post,
      path: '/v1/keys',
      body: { name: 'n', tenant: 'acme', scopes: ['tasks:read'] },
    },
    rotateKey: { method: post, path: `/v1/keys/${key.id}/rotate`, body: {}, target: key.id },
    revokeKey: { method: del, path: `/v1/keys/${key.id}`, target: key.id },
  }
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

async function send({ method, path, body, key }: Change, credential = ADMIN): Promise<number> {
  const answer = await fetch(`${bench.gateway.url()}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${credential}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  await answer.text()
  return answer.status
}

const operations = [...auditedOperations(loadDocument())]

test('the table of requests in this test has a request for every audited operation', () => {
  expect(Object.keys(changes).sort()).toEqual([...operations].sort())
})

test('every audited operation writes one event for its change, with key, tenant, target and address', async () => {
  const client = bench.client(ADMIN)
  for (const [operation, change] of Object.entries(changes)) {
    const before = (await client.audit({ operation, kind: 'change' })).events.length
    const status = await send(change)
    expect([operation, status, status < 300]).toEqual([operation, status, true])
    const { events } = await client.audit({ operation, kind: 'change' })
    expect([operation, events.length - before]).toEqual([operation, 1])
    expect(events[0]).toMatchObject({
      operation,
      keyId: 'env-admin',
      tenant: 'default',
      address: '127.0.0.1',
      status,
      count: 1,
      ...(change.target === undefined ? {} : { target: change.target }),
    })
  }
})

test('the audit log has no event for a request that finds everything as it asks for it', async () => {
  const client = bench.client(ADMIN)
  const repeated = ['putAgent', 'cancelTask', 'deleteAgent', 'deleteSchedule', 'revokeKey']
  const last = ['replayTask', 'runSchedule']
  const count = async (operation: string) =>
    (await client.audit({ operation, kind: 'change' })).events.length
  for (const operation of repeated) {
    const change = changes[operation]!
    // The first one may still find something to change.
    expect([operation, (await send(change)) < 300]).toEqual([operation, true])
    const before = await count(operation)
    expect([operation, (await send(change)) < 300]).toEqual([operation, true])
    expect([operation, await count(operation)]).toEqual([operation, before])
  }
  await client.putSchedule('yearly', SCHEDULE)
  for (const operation of last) {
    const change = { ...changes[operation]!, key: operation }
    expect([operation, (await send(change)) < 300]).toEqual([operation, true])
    const before = await count(operation)
    expect([operation, (await send(change)) < 300]).toEqual([operation, true])
    expect([operation, await count(operation)]).toEqual([operation, before])
  }
  const none = await count('cancelTasks')
  const body = { state: ['queued'], agent: 'an-agent-without-tasks' }
  expect(await send({ method: 'POST', path: '/v1/tasks:cancel', body })).toBe(200)
  expect(await count('cancelTasks')).toBe(none)
})

test('the audit log has no event for a dry run, and has an event of the kind unknown for a change whose outcome is unknown', async () => {
  const client = bench.client(ADMIN)
  const count = async (operation: string) =>
    (await client.audit({ operation, kind: 'change' })).events
  const before = (await count('cancelTasks')).length
  const dry = { state: ['queued'], dryRun: true }
  expect(await send({ method: 'POST', path: '/v1/tasks:cancel', body: dry })).toBe(200)
  expect(await count('cancelTasks')).toHaveLength(before)
  const nobody = '/v1/fleet/nodes/n2/drain'
  bench.bus.send(CHANNELS.snapshot, {
    atMs: 2,
    monitorId: 'm',
    nodes: [{ ...liveNode({ active: 1 }), nodeId: 'n2' }],
    queued: 0,
    running: 1,
  })
  await eventually(async () => {
    expect(await send({ method: 'POST', path: nobody })).toBe(503)
  })
  await eventually(async () => {
    const { events } = await client.audit({ operation: 'drainNode', kind: 'unknown' })
    expect(events[0]).toMatchObject({ status: 503, code: 'node-unavailable', target: 'n2' })
    const both = await client.audit({ operation: 'drainNode', kind: ['change', 'unknown'] })
    expect(new Set(both.events.map(({ kind }) => kind))).toEqual(new Set(['change', 'unknown']))
  })
  expect((await count('drainNode')).filter(({ target }) => target === 'n2')).toEqual([])
})

test('the audit log has no event for a failure that has certainly changed nothing', async () => {
  const client = bench.client(ADMIN)
  const operation = 'putSchedule'
  const { events: before } = await client.audit({ operation })
  const manager = await bench.bus.nats.jetstreamManager({ checkAPI: false })
  const { config } = await manager.streams.info(STREAMS.schedules)
  await manager.streams.update(STREAMS.schedules, { ...config, max_bytes: 1 })
  const change = { method: 'PUT', path: '/v1/schedules/no-room', body: SCHEDULE }
  expect(await send(change)).toBe(503)
  await manager.streams.update(STREAMS.schedules, config)
  // The later change would be behind an event of the failure.
  expect(await send(change)).toBe(201)
  const { events } = await client.audit({ operation })
  expect(events.slice(0, events.length - before.length).map(({ status }) => status)).toEqual([201])
})

test('every audited operation writes one event for its refusal, and no event for a change', async () => {
  const client = bench.client(ADMIN)
  const weak = await client.createKey({ name: 'weak', tenant: 'default', scopes: ['fleet:read'] })
  const before = await Promise.all(
    operations.map(
      async (operation) => (await client.audit({ operation, kind: 'change' })).events.length,
    ),
  )
  for (const change of Object.values(changes)) expect(await send(change, weak.key)).toBe(403)
  await eventually(async () => {
    const { events } = await client.audit({ keyId: weak.id, kind: 'refusal', limit: 100 })
    const told = events.map(({ operation, code, count }) => `${operation} ${code} ${count}`)
    expect(told.sort()).toEqual(operations.map((each) => `${each} scope-missing 1`).sort())
  })
  const after = await Promise.all(
    operations.map(
      async (operation) => (await client.audit({ operation, kind: 'change' })).events.length,
    ),
  )
  expect(after).toEqual(before)
})
