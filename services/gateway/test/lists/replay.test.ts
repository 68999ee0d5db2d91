import { factsOf, type TaskEvent, type TaskRecord } from '@agentfleet/domain'
import { connectStore } from '@agentfleet/adapters'
import { createLogger } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { nextPointer, setup, type GatewayBench } from '../support.ts'

const call = (step: number) => ({
  step,
  kind: 'llm' as const,
  name: 'm',
  output: { text: `said ${step}`, toolCalls: [] },
  usage: { inputTokens: 10, outputTokens: 20, llmCalls: 1 },
})

/** Fails a task as a coordinator would: two calls, then this error. */
async function fail(bench: GatewayBench, id: string, code = 'llm-rejected'): Promise<TaskRecord> {
  let seq = (await bench.taskLog.last(id))?.seq ?? 0
  const append = async (event: TaskEvent) => {
    seq = await bench.append({ id, seq }, event)
  }
  for (const step of [0, 1]) {
    await append({ type: 'call-finished', atMs: Date.now(), attempt: 1, call: call(step) })
  }
  const error = { code, message: 'no' }
  await append({ type: 'failed', atMs: Date.now(), attempt: 1, error })
  const record = await bench.taskLog.record(id)
  if (record === undefined) throw new Error('the task is there')
  return record
}

/** Writes records to Redis as the follower would. */
async function project(bench: GatewayBench, records: readonly TaskRecord[]): Promise<void> {
  const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })
  const store = await connectStore({ url: bench.servers.redis.url, log })
  await store.project(records, 60_000)
  await store.close()
}

test('a failed task can be replayed from its start or from its journal, and a replay from the journal does not pay for journaled calls again', async () => {
  await using bench = await setup()
  const client = bench.client()
  const task = await client.submit({ task: 'write', agent: 'writer', priority: 'high' })
  await expect(client.replay(task.id)).rejects.toMatchObject({
    status: 409,
    problem: { code: 'not-finished' },
  })
  await fail(bench, task.id)
  const bare = await fetch(`${bench.gateway.url()}/v1/tasks/${task.id}/replay`, { method: 'POST' })
  expect(await bare.json()).toMatchObject({ state: 'queued', replayOf: task.id })
  expect(await client.get(task.id)).toMatchObject({
    state: 'failed',
    error: { code: 'llm-rejected' },
    usage: { llmCalls: 2, outputTokens: 40 },
  })
  expect(await client.events(task.id)).toHaveLength(4)

  const again = await client.replay(task.id)
  expect(again).toMatchObject({
    state: 'queued',
    replayOf: task.id,
    task: 'write',
    priority: 'high',
    definition: { name: 'writer', version: 0 },
    usage: { llmCalls: 0 },
  })
  expect((await bench.taskLog.record(again.id))?.calls).toEqual([])

  const pointer = await nextPointer(bench.bus)
  const onward = await client.replay(task.id, { from: 'journal' })
  // A fenced start gives the journal to the node; the ended task has paid for its calls.
  expect(await pointer()).toMatchObject({ taskId: onward.id, reissue: true })
  const record = await bench.taskLog.record(onward.id)
  expect(record?.calls.map(({ output }) => output)).toEqual([call(0).output, call(1).output])
  expect(record?.usage.llmCalls).toBe(0)
})

test('an ended task is replayed only once under the same idempotency key', async () => {
  await using bench = await setup()
  const client = bench.client()
  const task = await client.submit({ task: 'x' })
  await fail(bench, task.id)
  const key = { idempotencyKey: 'again' }
  const made = await Promise.all([1, 2, 3].map(() => client.replay(task.id, {}, key)))
  expect(new Set(made.map(({ id }) => id)).size).toBe(1)
  await expect(client.replay(task.id, { from: 'journal' }, key)).rejects.toMatchObject({
    status: 422,
  })
})

test('ended tasks are replayed page by page with filters by state, error and time, and each task only once under the same idempotency key', async () => {
  await using bench = await setup()
  const client = bench.client()
  const records: TaskRecord[] = []
  for (let n = 0; n < 12; n += 1) {
    const { id } = await client.submit({ task: `t${n}` })
    records.push(await fail(bench, id, n % 3 === 0 ? 'timeout' : 'llm-rejected'))
  }
  await project(bench, records)
  const query = { errorCode: 'llm-rejected', limit: 5 } as const
  const key = { idempotencyKey: 'storm' }
  const replayed: string[] = []
  for (let cursor: string | undefined; ;) {
    const page = await client.replayAll({ ...query, ...(cursor ? { cursor } : {}) }, key)
    for (const result of page.results) {
      expect(result.status).toBe(202)
      replayed.push(result.replayOf)
    }
    cursor = page.nextCursor
    if (cursor === undefined) break
  }
  const wanted = records.filter(({ error }) => error?.code === 'llm-rejected')
  expect(new Set(replayed)).toEqual(new Set(wanted.map(({ taskId }) => taskId)))
  expect(replayed).toHaveLength(8)
  const once = await client.replayAll({ errorCode: 'llm-rejected' }, key)
  const twice = await client.replayAll({ errorCode: 'llm-rejected' }, key)
  expect(twice.results).toEqual(once.results)

  const instant = new Date(records[6]?.submittedAtMs ?? 0).toISOString()
  const since = await client.replayAll({ createdAfter: instant })
  const before = await client.replayAll({ createdBefore: instant })
  expect(since.results.length + before.results.length).toBe(12)
  expect(since.results.length).toBeGreaterThan(0)
  expect(before.results.length).toBeGreaterThan(0)
  await expect(client.replayAll({ createdAfter: 'yesterday' })).rejects.toMatchObject({
    status: 400,
    problem: {
      errors: expect.arrayContaining([{ pointer: '/createdAfter', detail: expect.any(String) }]),
    },
  })
})

test('a task whose texts Redis does not hold is read and replayed with the texts of the log (L7, L8)', async () => {
  await using bench = await setup()
  const client = bench.client()
  const text = 'y'.repeat(50_000)
  const task = await client.submit({ task: text, context: { a: 1 } })
  const record = factsOf(await fail(bench, task.id))
  expect(record.spec.task.length).toBeLessThan(1_000)
  await project(bench, [record])
  expect(await client.get(task.id)).toMatchObject({
    state: 'failed',
    task: text,
    context: { a: 1 },
  })
  const replay = await client.replay(task.id)
  expect(await client.get(replay.id)).toMatchObject({ task: text, replayOf: task.id })
  const { tasks } = await client.list()
  expect(tasks.find(({ id }) => id === task.id)).toMatchObject({ preview: text.slice(0, 160) })
})

test('a large history of a task is returned in several answers, and the client reads all of them (L7)', async () => {
  await using bench = await setup()
  const { id, ...task } = await bench.client().submit({ task: 'write' })
  let { seq } = task
  for (let step = 0; step < 12; step += 1) {
    const large = { ...call(step), output: { text: 'x'.repeat(500_000), toolCalls: [] } }
    const event = { type: 'call-finished', atMs: Date.now(), attempt: 1, call: large } as const
    seq = await bench.append({ id, seq }, event)
  }
  const answer = await fetch(`${bench.gateway.url()}/v1/tasks/${id}/events`)
  const text = await answer.text()
  expect(text.length).toBeLessThan(5 * 1024 * 1024)
  expect(JSON.parse(text)).toMatchObject({ nextAfter: expect.any(Number) as number })
  expect(await bench.client().events(id)).toHaveLength(13)
})
