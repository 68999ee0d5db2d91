import { connectStore, type Store } from '@agentfleet/adapters'
import { CHANNELS } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listening, setup, type GatewayBench } from '../support.ts'

/** Search, counts and bulk cancellation; the test plays the coordinator. */
let bench: GatewayBench
let store: Store
const ids: string[] = []
const ACME = 'key-a-0123456789abc'
const OTHER = 'key-b-0123456789abc'
/** More than one page of a bulk cancellation with `limit: 5`. */
const OF_WRITER = 12

beforeAll(async () => {
  bench = await setup({ API_KEYS: `acme:${ACME},other:${OTHER}` })
  const log = createLogger({ service: 'gateway', id: 'test', level: 'silent' })
  store = await connectStore({ url: bench.servers.redis.url, log })
  bench.bus.on(CHANNELS.cancel, async ({ taskId, tenant, reason }) => {
    const record = await bench.taskLog.record(taskId)
    if (record === undefined || record.tenant !== tenant) return { kind: 'not-found' }
    if (record.state === 'cancelled') return { kind: 'cancelled' }
    if (record.state === 'completed') return { kind: 'finished' }
    const event = { type: 'cancelled', atMs: Date.now(), reason } as const
    const options = { expectSeq: record.seq, messageId: `${taskId}.c`, deadlineMs: 5_000 }
    const { kind } = await bench.taskLog.append(taskId, event, options)
    return { kind: kind === 'stored' ? 'cancelled' : 'unavailable' }
  })
  await listening(bench.bus)
  const client = bench.client(ACME)
  for (let n = 0; n < OF_WRITER; n += 1) {
    const task = `write page ${n}`
    const metadata = { team: n % 2 === 0 ? 'search' : 'a=b' }
    ids.push((await client.submit({ task, agent: 'writer', metadata })).id)
  }
  ids.push((await client.submit({ task: 'something else' })).id)
  await project()
}, 60_000)
afterAll(async () => {
  await store.close()
  await bench[Symbol.asyncDispose]()
})

/** Writes the records to Redis as the follower would. */
async function project(): Promise<void> {
  const records = await Promise.all(ids.map((id) => bench.taskLog.record(id)))
  await store.project(
    records.filter((record) => record !== undefined),
    60_000,
  )
}

test('a list can be filtered by several states, by metadata, by words and by whole ids', async () => {
  const client = bench.client(ACME)
  const found = async (query: Parameters<typeof client.list>[0]) =>
    (await client.list(query)).tasks.map(({ id }) => id)
  expect(await found({ state: ['queued', 'failed'], agent: 'writer' })).toHaveLength(OF_WRITER)
  expect(await found({ metadata: { team: 'a=b' } })).toHaveLength(OF_WRITER / 2)
  expect(await found({ q: 'PAGE 11' })).toEqual([ids[11]])
  expect(await found({ q: ids[3]! })).toEqual([ids[3]])
  expect(await found({ q: ids[3]!, agent: 'planner' })).toEqual([])
  expect(await found({ order: 'oldest', limit: 1 })).toEqual([ids[0]])
  expect((await bench.client(OTHER).list({ q: ids[3]! })).tasks).toEqual([])
  const page = await client.list({ agent: 'writer', limit: 5 })
  expect(page.scanned).toBe(5)
  await expect(
    client.list({ agent: 'planner', cursor: page.nextCursor ?? '' }),
  ).rejects.toMatchObject({ problem: { code: 'invalid-cursor' } })
  await expect(client.list({ endedAfter: 'yesterday' })).rejects.toMatchObject({
    problem: { errors: [{ pointer: expect.stringContaining('endedAfter') as string }] },
  })
})

test('tasks are counted by state and by agent', async () => {
  const client = bench.client(ACME)
  const counts = await client.count({ agent: 'writer' })
  expect(counts).toMatchObject({ groupBy: 'state', exact: true })
  expect(counts.groups).toEqual([{ key: 'queued', count: OF_WRITER }])
  const { groups } = await client.count({ groupBy: 'agent' })
  expect(groups[0]).toEqual({ key: 'writer', count: OF_WRITER })
})

test('a bulk cancellation needs tasks or a filter, and not both', async () => {
  const client = bench.client(ACME)
  for (const query of [{}, { taskIds: [ids[0]!], agent: 'writer' }]) {
    await expect(client.cancelAll(query)).rejects.toMatchObject({
      status: 400,
      problem: { code: 'invalid-request' },
    })
  }
})

test('a dry run names page by page the tasks that the same request then cancels, and the request can be repeated safely', async () => {
  const client = bench.client(ACME)
  const query = { agent: 'writer', reason: 'wrong repository', limit: 5 }
  const dry = await client.cancelAll({ ...query, limit: 1_000, dryRun: true })
  expect(dry).toMatchObject({ dryRun: true, matched: OF_WRITER, cancelled: 0, failed: [] })
  expect((await client.count({ agent: 'writer', state: 'queued' })).groups).toHaveLength(1)
  const cancelled: string[] = []
  for (let cursor: string | undefined; ;) {
    const page = await client.cancelAll({ ...query, ...(cursor ? { cursor } : {}) })
    expect(page.cancelled).toBe(page.taskIds.length)
    cancelled.push(...page.taskIds)
    cursor = page.nextCursor
    if (cursor === undefined) break
  }
  expect(cancelled).toEqual(dry.taskIds)
  expect(await client.get(cancelled[0]!)).toMatchObject({
    state: 'cancelled',
    error: { code: 'cancelled', message: 'wrong repository' },
  })
  // Redis does not show the changes yet: the same tasks match again, and nothing changes.
  expect(await client.cancelAll(query)).toMatchObject({ cancelled: 5, failed: [] })
  await project()
  expect(await client.cancelAll(query)).toMatchObject({ matched: 0, taskIds: [] })
})

test('a bulk request refuses each named task that belongs to another tenant or has ended', async () => {
  const client = bench.client(ACME)
  const ended = await client.submit({ task: 'short' })
  await bench.complete(ended, 'done')
  const foreign = await bench.client(OTHER).submit({ task: 'theirs' })
  const own = await client.submit({ task: 'long' })
  const page = await client.cancelAll({ taskIds: [ended.id, foreign.id, own.id, 'no-id'] })
  expect(page).toMatchObject({ matched: 4, cancelled: 1 })
  expect(page.failed.map(({ taskId, problem }) => [taskId, problem.code])).toEqual([
    [ended.id, 'already-finished'],
    [foreign.id, 'task-not-found'],
    ['no-id', 'task-not-found'],
  ])
  expect(await client.get(own.id)).toMatchObject({ state: 'cancelled' })
})

test('a bulk replay accepts filters and ids, and its dry run counts the tasks', async () => {
  const client = bench.client(ACME)
  const query = { state: 'cancelled', agent: 'writer', metadata: { team: 'search' } } as const
  const dry = await client.replayAll({ ...query, dryRun: true })
  expect(dry).toMatchObject({ dryRun: true, matched: OF_WRITER / 2, results: [] })
  const replayed = await client.replayAll(query)
  expect(replayed.results.map(({ status }) => status)).toEqual(Array(OF_WRITER / 2).fill(202))
  const named = await client.replayAll({ taskIds: [ids[0]!, ids[12]!, 'no-id'] })
  const statuses = named.results.map(({ replayOf, status }) => [replayOf, status])
  expect(new Map(statuses as [string, number][])).toEqual(
    new Map([
      [ids[0], 202],
      [ids[12], 409],
      ['no-id', 404],
    ]),
  )
})
