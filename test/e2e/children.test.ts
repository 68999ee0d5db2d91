import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  eventually,
  playScript,
  startTestFleet,
  FIXED_NODES,
  type TestFleet,
} from '@agentfleet/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Tests runs that wait, on a separate fleet with a single slot: a waiting run must free this slot for its children. */
const TOOLS_DIR = fileURLToPath(new URL('../../services/worker/test/tool-folder', import.meta.url))
let test: TestFleet
let toolDir: string
beforeAll(async () => {
  toolDir = await mkdtemp(join(tmpdir(), 'agentfleet-tools-'))
  await writeFile(join(toolDir, 'log'), '')
  const tools = { TOOLS_DIR, TOOL_LOG: join(toolDir, 'log') }
  const env = { worker: { WORKER_SLOTS: '1', ...tools } }
  test = await startTestFleet({
    workers: 1,
    replicas: FIXED_NODES,
    timeScale: 0.1,
    env,
  })
})
afterAll(async () => {
  await test[Symbol.asyncDispose]()
  await rm(toolDir, { recursive: true, force: true })
})

const SOON_MS = 60_000

const delegate = (...tasks: object[]) => ({
  toolCalls: [{ name: 'delegate', arguments: { tasks } }],
})

async function submit(task: object): Promise<string> {
  const response = await fetch(`${test.fleet.url}/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(task),
  })
  const view = (await response.json()) as { id: string }
  expect(response.status, JSON.stringify(view)).toBe(202)
  return view.id
}

const ended = (id: string) =>
  eventually(async () => {
    const view = await test.client.get(id)
    expect(view.state, JSON.stringify(view)).toMatch(/completed|failed|cancelled/)
    return view
  }, SOON_MS)

describe('an agent that delegates work to child tasks', () => {
  it('releases its slot while it waits, and continues its own conversation with the results', async () => {
    const model = await playScript(test.fleet.simulators[0], 'delegates', [
      delegate(
        { agent: 'developer', task: 'write it' },
        { agent: 'tester', task: 'test it', after: [0] },
      ),
      { content: 'all done' },
    ])
    const id = await submit({ task: 'Lead', model, tools: ['delegate'] })
    const view = await ended(id)
    expect(view).toMatchObject({ state: 'completed', result: 'all done', pauses: 1, failures: 0 })
    expect(view.children).toHaveLength(2)
    const [first, second] = await Promise.all(
      view.children!.map((child) => test.client.get(child.id)),
    )
    expect(first).toMatchObject({ state: 'completed', agent: 'developer', parentId: id })
    expect(second).toMatchObject({ state: 'completed', agent: 'tester', dependsOn: [first!.id] })
    const events = await test.client.events(id)
    expect(events.map(({ type }) => type)).toEqual([
      'submitted',
      'call-finished',
      'spawned',
      'paused',
      'resumed',
      'attempt-started',
      'call-finished',
      'completed',
    ])
    expect(JSON.stringify(events[6])).toContain('completed')
  })

  it('gets the problems of a wrong delegation as an error, and may correct the call', async () => {
    const model = await playScript(test.fleet.simulators[0], 'corrected', [
      delegate({ agent: 'developer', task: 'x', after: [0] }),
      { content: 'never mind' },
    ])
    const view = await ended(await submit({ task: 'Lead', model, tools: ['delegate'] }))
    expect(view).toMatchObject({ state: 'completed', result: 'never mind' })
    expect(view.children).toBeUndefined()
  })

  it('shares its budget with its children, and ends them at its deadline', async () => {
    const slow = { name: 'delegate', arguments: { tasks: [{ agent: 'developer', task: 'x' }] } }
    // The child asks the same script, which then keeps it waiting.
    const model = await playScript(test.fleet.simulators[0], 'late', [
      { toolCalls: [slow] },
      { delayMs: 60_000, content: 'late' },
    ])
    const id = await submit({
      task: 'Lead',
      model,
      tools: ['delegate'],
      timeoutMs: 4_000,
      budget: { tokens: 10_000, turns: 9 },
    })
    const parent = await ended(id)
    expect(parent).toMatchObject({ state: 'failed', error: { code: 'deadline-exceeded' } })
    const child = await ended(parent.children![0]!.id)
    expect(child.state).toMatch(/cancelled|failed/)
    const record = await test.log.record(child.id)
    expect(record?.spec.budget).toMatchObject({ turns: 4 })
    expect(record?.spec.budget?.tokens).toBeLessThanOrEqual(5_000)
  })
})

describe('a tool call that needs approval', () => {
  it('releases its slot while it waits, and another task uses the slot', async () => {
    const pay = { toolCalls: [{ name: 'pay_out', arguments: { amount: 5 } }] }
    const model = await playScript(test.fleet.simulators[0], 'approved', [pay, { content: 'done' }])
    const id = await submit({ task: 'Pay', model, tools: ['pay_out'] })
    await eventually(async () => expect((await test.client.get(id)).state).toBe('waiting'), SOON_MS)
    expect(await ended(await submit({ task: 'meanwhile', model: 'echo' }))).toMatchObject({
      state: 'completed',
    })
    await test.client.approve(id, 1, { approved: true })
    expect(await ended(id)).toMatchObject({ state: 'completed', result: 'done' })
  })
})
