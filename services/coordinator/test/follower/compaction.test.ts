/** A task that waits for long: what it keeps in the log and in Redis is its own. */
import { openTaskLog } from '@agentfleet/adapters'
import { CHANNELS, type Holdings } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SOON_MS, startBench, USAGE, type Bench } from '../support.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterEach(() => bench.reset())
afterAll(() => bench[Symbol.asyncDispose]())

const WEEK_MS = 7 * 86_400_000
const RETENTION_MS = 1_000
/** Each has two events. */
const TASKS = 800
/** Up to 1,000 expired events are not worth a compaction, nor are those that had not expired at the last one. */
const FEW = 1_300
const PARALLEL = 50

/** Stores tasks that have ended. */
async function endedTasks(count: number, tenant = 't'): Promise<string[]> {
  const ids: string[] = []
  for (let start = 0; start < count; start += PARALLEL) {
    const part = await Promise.all(
      Array.from({ length: Math.min(PARALLEL, count - start) }, async () => {
        const { taskId, seq } = await bench.submit({}, { tenant })
        const completed = { type: 'completed', attempt: 1, node: 'n1', result: 'r' } as const
        await bench.append(taskId, { ...completed, atMs: Date.now(), usage: USAGE }, seq)
        return taskId
      }),
    )
    ids.push(...part)
  }
  return ids
}

/** Resolves when the log holds at most this many events. */
function shrinksTo(count: number): Promise<void> {
  return eventually(async () => {
    const { messages } = await bench.taskLog.fill()
    if (messages > count) throw new Error(`the log holds ${messages} events`)
  }, 2 * SOON_MS)
}

test('a task delayed by a week keeps only its own events and its own entry in Redis (L7)', async () => {
  await bench.start({ retentionMs: RETENTION_MS })
  const delayed = await bench.submit({ delayMs: WEEK_MS })
  await endedTasks(TASKS)
  await shrinksTo(FEW)
  expect((await bench.taskLog.fill()).firstSeq).toBe(delayed.seq)
  expect(await bench.taskLog.record(delayed.taskId)).toMatchObject({ state: 'waiting' })
  await eventually(async () => {
    const { found } = await bench.store.search({ tenant: 't', filter: {}, limit: 10 })
    expect(found.map(({ task }) => task.taskId)).toEqual([delayed.taskId])
    expect(await bench.redis('ZCARD', 'tasks:t:completed')).toContain(':0')
  })
})

test('a compaction of the log keeps the results that an unfinished task depends on, and a restarted coordinator reads the remaining events', async () => {
  const first = await bench.start({ retentionMs: RETENTION_MS })
  await bench.submit({ delayMs: WEEK_MS })
  const [dependency = '', ...others] = await endedTasks(2)
  const dependant = await bench.submit({ dependsOn: [dependency], delayMs: WEEK_MS })
  await endedTasks(TASKS)
  await shrinksTo(FEW)
  expect(await bench.taskLog.history(dependency)).toHaveLength(2)
  // The end events leave last.
  await eventually(async () => {
    expect(await bench.taskLog.last(others[0]!)).toBeUndefined()
  })
  await bench.end(first)
  await bench.start({ retentionMs: RETENTION_MS })
  const later = await bench.submit({ task: 'still works' })
  await bench.getsPointer(later)
  expect(await bench.taskLog.record(dependant.taskId)).toMatchObject({ state: 'waiting' })
})

test('when a loud tenant ends more tasks than the fleet keeps, its oldest tasks leave the log and Redis, and the tasks of a quiet tenant stay', async () => {
  await bench.start({ retentionTasks: 100, keptAtLeastMs: 0 })
  const quiet = await endedTasks(5, 'quiet')
  const [first = ''] = await endedTasks(1, 'loud')
  const more = await endedTasks(TASKS, 'loud')
  await shrinksTo(FEW)
  await eventually(async () => {
    expect(await bench.taskLog.last(first)).toBeUndefined()
    expect(await bench.store.load(first)).toBeUndefined()
  })
  expect(await bench.taskLog.record(more.at(-1)!)).toMatchObject({ state: 'completed' })
  await eventually(async () => {
    const listed = { filter: {}, limit: 200 }
    const { found } = await bench.store.search({ tenant: 'loud', ...listed })
    expect(found.length).toBeLessThanOrEqual(100 - quiet.length)
  })
  const { found } = await bench.store.search({ tenant: 'quiet', filter: {}, limit: 10 })
  expect(found.map(({ task }) => task.taskId).toSorted()).toEqual(quiet.toSorted())
  for (const taskId of quiet)
    expect(await bench.taskLog.record(taskId)).toMatchObject({ state: 'completed' })
})

test('a task does not appear again if a compaction of the log removed its end event before this coordinator had read the event', async () => {
  const ghost = await bench.submit()
  await eventually(() => {
    if (Date.now() <= ghost.submittedAtMs + RETENTION_MS) throw new Error('not expired')
  })
  const taskLog = openTaskLog(bench.own)
  const last: typeof taskLog.last = async (taskId) =>
    taskId === ghost.taskId ? undefined : taskLog.last(taskId)
  let holdings: Holdings | undefined
  const tap = bench.gateway.on(CHANNELS.holdings, (heard) => (holdings = heard))
  await bench.start({ retentionMs: RETENTION_MS, taskLog: { ...taskLog, last } })
  await eventually(() => expect(holdings).toMatchObject({ tasks: 0 }))
  tap.close()
  expect(await bench.hasPointer(ghost)).toBe(false)
})
