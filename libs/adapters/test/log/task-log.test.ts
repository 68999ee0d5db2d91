import type { TaskEvent } from '@agentfleet/domain'
import { startSecuredServers, type SecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTaskLog, type Bus, type TaskLog } from '../../src/index.ts'

/** Far above the time by which a machine's clock may differ from itself, milliseconds. */
const NEAR_MS = 5_000
const call: TaskEvent = {
  type: 'call-finished',
  atMs: 1,
  attempt: 1,
  call: {
    step: 0,
    kind: 'tool',
    name: 'add',
    output: 'x'.repeat(100),
    usage: { inputTokens: 0, outputTokens: 0, llmCalls: 0 },
  },
}

let servers: SecuredServers
let bus: Bus
let taskLog: TaskLog
beforeAll(async () => {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  servers = await startSecuredServers({ log })
  bus = servers.bus
  // The user with the fewest rights of all that read histories (L9).
  taskLog = openTaskLog(await servers.connect('gateway'))
})
afterAll(() => servers[Symbol.asyncDispose]())

/** Appends this many events to one task, all at once. */
async function fill(taskId: string, count: number): Promise<void> {
  const subject = `log.${taskId}`
  for (let at = 0; at < count; at += 1) bus.publish(subject, JSON.stringify(call))
  await bus.roundTrip(10_000)
}

/** Requests to JetStream during an action. */
async function requestsOf(run: () => Promise<unknown>): Promise<number> {
  let requests = 0
  const tap = bus.subscribe('$JS.API.>', () => (requests += 1))
  await bus.roundTrip(10_000)
  await run()
  await bus.roundTrip(10_000)
  tap.close()
  return requests
}

test('a history of 2,000 events is read completely and in order, in batches instead of single messages', async () => {
  await fill('long', 2_000)
  const requests = await requestsOf(async () => {
    const history = await taskLog.history('long')
    expect(history).toHaveLength(2_000)
    const seqs = history.map(({ seq }) => seq)
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
    expect(new Set(seqs).size).toBe(2_000)
  })
  expect(requests).toBeLessThan(60)
})

test('the history of a task contains only the events of this task, each with its message id and the time of the log', async () => {
  let seq = 0
  for (let at = 0; at < 8; at += 1) {
    const options = { expectSeq: seq, messageId: `short.${at}`, deadlineMs: 5_000 }
    const outcome = await taskLog.append('short', call, options)
    if (outcome.kind === 'stored') seq = outcome.seq
    await fill('another', 1)
  }
  const history = await taskLog.history('short')
  const ids = Array.from({ length: 8 }, (_, at) => `short.${at}`)
  expect(history.map(({ messageId }) => messageId)).toEqual(ids)
  for (const { storedAtMs } of history) {
    expect(Math.abs(storedAtMs - Date.now())).toBeLessThan(NEAR_MS)
  }
})

test('a short history of a task is read without a JetStream consumer', async () => {
  await fill('two', 2)
  const requests = await requestsOf(() => taskLog.history('two'))
  expect(requests).toBe(3)
})

test('the call that returns how full the log is also returns the time of nats-server', async () => {
  const { atMs } = await taskLog.fill()
  expect(Math.abs(atMs - Date.now())).toBeLessThan(NEAR_MS)
})

test('a page of the history of a task ends with the event that reaches the size limit of the page, and all pages together contain every event (L7)', async () => {
  const big = JSON.stringify({ ...call, call: { ...call.call, output: 'x'.repeat(100_000) } })
  await fill('paged', 200)
  for (let at = 0; at < 5; at += 1) bus.publish('log.paged', big)
  await fill('paged', 200)
  await bus.roundTrip(10_000)
  const whole = (await taskLog.history('paged')).map(({ seq }) => seq)
  const read: number[] = []
  for (;;) {
    const { events, complete } = await taskLog.page('paged', read.at(-1) ?? 0, 64 * 1024)
    const bytes = events.slice(0, -1).map(({ event }) => JSON.stringify(event).length)
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(64 * 1024)
    read.push(...events.map(({ seq }) => seq))
    if (complete) break
  }
  expect(read).toEqual(whole)
  expect((await taskLog.page('paged', 0, 1)).events).toHaveLength(1)
})
