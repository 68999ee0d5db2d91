/** The repairs of the coordinator: retries, deadlines, missing pointers. */
import type { TaskRecord } from '@agentfleet/domain'
import { systemClock } from '@agentfleet/runtime'
import { CHANNELS, freshPointer, newTaskId } from '@agentfleet/protocol'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { countOn, rounds, startBench, TIMING, type Bench } from '../support.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterEach(() => bench.reset())
afterAll(() => bench[Symbol.asyncDispose]())

const HOUR_MS = 3_600_000

/** A wall clock that is wrong by this much. */
const wrongClock = (byMs: number) => ({
  nowMs: () => systemClock.nowMs() + byMs,
  monotonicMs: systemClock.monotonicMs,
})

test('a retry that is due is issued once, and not again while its pointer waits for a node (L7)', async () => {
  // Keeps the sweep for missing pointers out of the test.
  await bench.start({ timing: { ...TIMING, pointersEveryMs: HOUR_MS } })
  const task = await bench.submit()
  const failed = { op: 'fail', attempt: 1, error: { code: 'c', message: 'm' }, retryable: true }
  const issued = await countOn(bench.bus, `tasks.*.*.${task.taskId}`)
  expect(await bench.report(task.taskId, failed)).toMatchObject({ kind: 'committed' })
  await bench.getsPointer(task)
  await rounds(TIMING.retriesEveryMs, 20)
  expect(issued.count()).toBe(1)
  issued.close()
})

test('a retry whose pointer is lost gets a new pointer (L8)', async () => {
  await bench.start()
  const task = await bench.submit()
  const failed = { op: 'fail', attempt: 1, error: { code: 'c', message: 'm' }, retryable: true }
  await bench.report(task.taskId, failed)
  await bench.getsPointer(task)
  await bench.pointers.remove('medium', 't', task.taskId)
  await bench.getsPointer(task)
})

test('a deadline counts by the time of the log, no matter what the clock of the coordinator says', async () => {
  const long = await bench.submit({ timeoutMs: 60_000 })
  const short = await bench.submit({ timeoutMs: 1_000 })
  const fast = await bench.start({ clock: wrongClock(HOUR_MS) })
  const error = { code: 'deadline-exceeded' }
  expect(await bench.reaches(short.taskId, 'failed')).toMatchObject({ error })
  expect(await bench.taskLog.record(long.taskId)).toMatchObject({ state: 'queued' })
  await bench.end(fast)
  const later = await bench.submit({ timeoutMs: 1_000 })
  await bench.start({ clock: wrongClock(-HOUR_MS) })
  expect(await bench.reaches(later.taskId, 'failed')).toMatchObject({ error })
})

test('the event of a deadline names the node that ran the attempt, also if the attempt has stored nothing, and no node if none ran it', async () => {
  const brief = { timeoutMs: 1_000 }
  const noted = await bench.submit(brief)
  await bench.store.noteInflight([{ taskId: noted.taskId, nodeId: 'n7', ackSubject: 'a' }])
  const queued = await bench.submit(brief)
  await bench.start()
  const nodeOf = async ({ taskId }: { taskId: string }) => {
    await bench.reaches(taskId, 'failed')
    return (await bench.taskLog.last(taskId))?.event
  }
  expect(await nodeOf(noted)).toMatchObject({ type: 'failed', attempt: 1, node: 'n7' })
  expect(await nodeOf(queued)).not.toHaveProperty('node')
})

test('the event of a deadline names the node from the log if the attempt has stored an event', async () => {
  await bench.start()
  const { taskId } = await bench.submit({ timeoutMs: 1_500 })
  expect(await bench.report(taskId, { op: 'begin' })).toMatchObject({ kind: 'begun' })
  await bench.reaches(taskId, 'failed')
  expect((await bench.taskLog.last(taskId))?.event).toMatchObject({ node: 'n1' })
})

test('the lifetime of a task counts from its storage when the clock of the gateway is an hour behind', async () => {
  await bench.start()
  const task = await bench.submit({ timeoutMs: 60_000 }, { atMs: Date.now() - HOUR_MS })
  await bench.getsPointer(task)
  await rounds(TIMING.deadlinesEveryMs, 5)
  expect(await bench.report(task.taskId, { op: 'begin' })).toMatchObject({ kind: 'begun' })
})

test('a missing pointer is found by the id of its task, no matter how many other pointers there are (L8)', async () => {
  // The listing of all pointers is so rare that it cannot find the missing one.
  await bench.start({ timing: { ...TIMING, listPointersEveryMs: HOUR_MS } })
  const known = await bench.submit({}, { pointer: true })
  await rounds(TIMING.pointersEveryMs, 3)
  for (let n = 0; n < 5; n += 1) {
    const surplus = { ...known, taskId: newTaskId(Date.now() + n) }
    await bench.pointers.issueSurely(freshPointer(surplus), 'medium')
  }
  await bench.getsPointer(await bench.submit())
})

test('all pointers are issued again after their stream was emptied (L8)', async () => {
  await bench.start()
  const tasks = await Promise.all([1, 2, 3].map(() => bench.submit({}, { pointer: true })))
  await rounds(TIMING.pointersEveryMs, 3)
  await bench.bus.request('$JS.API.STREAM.PURGE.TASKS', '', 5_000)
  for (const task of tasks) await bench.getsPointer(task)
})

test('a cancelled task ends once and leaves no pointer (L2)', async () => {
  await bench.start()
  const { taskId, tenant, ...task } = await bench.submit({}, { pointer: true })
  const request = { taskId, tenant, reason: 'no longer needed' }
  const answers = await Promise.all(
    [1, 2].map(() => bench.gateway.ask(CHANNELS.cancel, request, 5_000)),
  )
  for (const answer of answers) {
    expect(answer).toEqual({ kind: 'reply', body: { kind: 'cancelled' } })
  }
  expect(await bench.taskLog.history(taskId)).toHaveLength(2)
  expect(await bench.hasPointer({ taskId, tenant, ...task })).toBe(false)
})

test('the event of a cancellation names the attempt and the node that ran it, also if the attempt has stored nothing, and no node if none ran it', async () => {
  await bench.start()
  const [noted, begun, queued] = await Promise.all([1, 2, 3].map(() => bench.submit()))
  await bench.store.noteInflight([{ taskId: noted!.taskId, nodeId: 'n7', ackSubject: 'a' }])
  expect(await bench.report(begun!.taskId, { op: 'begin' })).toMatchObject({ kind: 'begun' })
  const cancelled = async ({ taskId, tenant }: TaskRecord) => {
    await bench.gateway.ask(CHANNELS.cancel, { taskId, tenant, reason: 'r' }, 5_000)
    return (await bench.taskLog.last(taskId))?.event
  }
  expect(await cancelled(noted!)).toMatchObject({ type: 'cancelled', attempt: 1, node: 'n7' })
  expect(await cancelled(begun!)).toMatchObject({ type: 'cancelled', attempt: 2, node: 'n1' })
  expect(await cancelled(queued!)).toEqual({
    type: 'cancelled',
    atMs: expect.any(Number),
    reason: 'r',
  })
})
