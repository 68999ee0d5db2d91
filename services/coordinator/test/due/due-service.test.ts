/** Due things: waits end, children are created and cancelled, schedules run. */
import { openTaskLog, type ScheduleChange, type TaskLog } from '@agentfleet/adapters'
import type { Paused, Schedule, Spawned, TaskRecord, TaskSpec } from '@agentfleet/domain'
import { CHANNELS, childTaskId, tickTaskId } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { countOn, rounds, SOON_MS, startBench, TIMING, USAGE, type Bench } from '../support.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterEach(() => bench.reset())
afterAll(() => bench[Symbol.asyncDispose]())

const waitFor = (taskId: string) => ({ dependsOn: [taskId] })

/** The event of a parent that creates two children. */
function spawnedBy(parent: TaskRecord): Spawned & { ids: string[] } {
  const ids = [0, 1].map((position) => childTaskId(parent.taskId, 0, position))
  const children = ids.map((taskId) => ({ taskId, spec: parent.spec }))
  return { type: 'spawned', atMs: Date.now(), attempt: 1, step: 0, children, ids }
}

/** Stores a schedule that is due every second. */
function runEverySecond(
  name: string,
  spec: TaskSpec,
  overlap: Schedule['overlap'] = 'allow',
  tenant = 't',
) {
  const times = { cron: '* * * * * *', timeZone: 'UTC', overlap, paused: false, atMs: Date.now() }
  return bench.schedules.put(tenant, name, { ...times, spec, request: {} })
}

/** Pauses the task for an approval; returns how a person decides, and what the coordinator answers. */
async function waitForApproval({ taskId }: TaskRecord) {
  const wait = { kind: 'approval', step: 1, tool: 'pay', arguments: {} }
  await bench.report(taskId, { op: 'pause', attempt: 1, wait })
  return async (approved: boolean, by = 'somebody'): Promise<unknown> => {
    const request = { taskId, tenant: 't', approval: { step: 1, approved, by } }
    const answer = await bench.gateway.ask(CHANNELS.approve, request, 5_000)
    return answer.kind === 'reply' ? answer.body.kind : answer
  }
}

test('a task is released and gets its pointer when the task that it depends on completes', async () => {
  await bench.start()
  const first = await bench.submit()
  const second = await bench.submit(waitFor(first.taskId))
  expect(await bench.hasPointer(second)).toBe(false)
  await bench.complete(first.taskId)
  await bench.reaches(second.taskId, 'queued')
  await bench.getsPointer(second)
})

test('if a task ends while no coordinator runs, the next coordinator releases the tasks that wait for it (L8)', async () => {
  const first = await bench.submit()
  const second = await bench.submit(waitFor(first.taskId))
  await bench.append(first.taskId, {
    type: 'completed',
    atMs: Date.now(),
    attempt: 1,
    node: 'n1',
    result: 'r',
    usage: USAGE,
  })
  await bench.start()
  await bench.reaches(second.taskId, 'queued')
  await bench.getsPointer(second)
})

test('the end of a task is read once, however many tasks wait for it', async () => {
  await bench.start()
  const firsts = await Promise.all(Array.from({ length: 10 }, () => bench.submit()))
  const dependsOn = firsts.map(({ taskId }) => taskId)
  const waiting = await Promise.all(Array.from({ length: 30 }, () => bench.submit({ dependsOn })))
  const reads = await countOn(bench.bus, '$JS.API.DIRECT.GET.LOG')
  for (const taskId of dependsOn) await bench.complete(taskId)
  for (const task of waiting) await bench.getsPointer(task)
  expect(reads.count()).toBeLessThan(100)
  reads.close()
})

test('a task fails with the reason when the task that it depends on is cancelled', async () => {
  await bench.start()
  const first = await bench.submit()
  const second = await bench.submit(waitFor(first.taskId))
  const request = { taskId: first.taskId, tenant: 't', reason: 'r' }
  await bench.gateway.ask(CHANNELS.cancel, request, 5_000)
  const { error } = await bench.reaches(second.taskId, 'failed')
  expect(error?.code).toBe('dependency-failed')
})

test('two coordinators together release a task only once (L2)', async () => {
  await bench.start()
  await bench.start()
  const first = await bench.submit()
  const waiting = await Promise.all([1, 2, 3, 4, 5].map(() => bench.submit(waitFor(first.taskId))))
  await bench.complete(first.taskId)
  for (const { taskId } of waiting) {
    await bench.reaches(taskId, 'queued')
    expect(await bench.taskLog.history(taskId)).toHaveLength(2)
  }
})

test('a delayed task gets its pointer when it is due and not before', async () => {
  await bench.start()
  const task = await bench.submit({ delayMs: 600 })
  await rounds(100, 3)
  expect(await bench.hasPointer(task)).toBe(false)
  await bench.getsPointer(task)
  const [, released] = await bench.taskLog.history(task.taskId)
  expect(released!.storedAtMs - task.submittedAtMs).toBeGreaterThanOrEqual(600)
})

test('an approval resumes its run once, and a later rejection of the same call is refused', async () => {
  await bench.start()
  const task = await bench.submit()
  const decide = await waitForApproval(task)
  expect(await decide(true)).toBe('resumed')
  expect(await decide(true)).toBe('resumed')
  expect(await decide(false)).toBe('decided-otherwise')
  expect(await bench.taskLog.history(task.taskId)).toHaveLength(3)
  await bench.getsPointer(task)
})

test('the coordinator stores one of two opposite decisions at once, and refuses the other one', async () => {
  await bench.start()
  for (let round = 0; round < 5; round += 1) {
    const decide = await waitForApproval(await bench.submit())
    const said = await Promise.all([decide(true), decide(false), decide(true)])
    const stored = said[0] === 'resumed'
    const [same, other] = ['resumed', 'decided-otherwise']
    expect(said).toEqual(stored ? [same, other, same] : [other, same, other])
  }
})

test('the key that submitted a task cannot approve a call of the task if the task requires another key', async () => {
  await bench.start()
  const task = await bench.submit({ submittedBy: 'key-a', approvers: 'other-keys' })
  const decide = await waitForApproval(task)
  expect(await decide(true, 'key-a')).toBe('own-key')
  expect(await bench.taskLog.history(task.taskId)).toHaveLength(2)
  expect(await decide(true, 'key-b')).toBe('resumed')
})

test('children that are named in the log are created even if the coordinator died before it created them (L8)', async () => {
  const parent = await bench.submit()
  const { ids, ...spawned } = spawnedBy(parent)
  await bench.append(parent.taskId, spawned)
  await bench.start()
  for (const taskId of ids) {
    await bench.getsPointer(await bench.reaches(taskId, 'queued'))
  }
})

test('unfinished children are cancelled after their parent ends, even if no coordinator ran at its end (L8)', async () => {
  const parent = await bench.submit()
  const { ids, ...spawned } = spawnedBy(parent)
  await bench.append(parent.taskId, spawned)
  const coordinator = await bench.start()
  await Promise.all(ids.map((taskId) => bench.reaches(taskId, 'queued')))
  await bench.complete(ids[0]!)
  await bench.end(coordinator)
  await bench.append(parent.taskId, { type: 'cancelled', atMs: Date.now(), reason: 'r' })
  await bench.start()
  await bench.reaches(ids[1]!, 'cancelled')
  expect(await bench.taskLog.record(ids[0]!)).toMatchObject({ state: 'completed' })
})

test('a parent resumes when its last child has ended, and the repeated checks do not read the result of a child twice', async () => {
  await bench.start()
  const parent = await bench.submit()
  const { ids, ...spawned } = spawnedBy(parent)
  await bench.append(parent.taskId, spawned)
  const paused: Paused = {
    type: 'paused',
    atMs: Date.now(),
    attempt: 1,
    wait: { kind: 'children', taskIds: ids },
  }
  await bench.append(parent.taskId, paused)
  await Promise.all(ids.map((taskId) => bench.reaches(taskId, 'queued')))
  await bench.complete(ids[0]!)
  await bench.pointers.remove('medium', 't', ids[0]!)
  await rounds(TIMING.waitsEveryMs, 3)
  const reads = await countOn(bench.bus, '$JS.API.DIRECT.GET.LOG')
  await rounds(TIMING.waitsEveryMs, 4)
  expect(reads.count()).toBe(0)
  reads.close()
  await bench.complete(ids[1]!)
  await bench.reaches(parent.taskId, 'queued')
  await bench.getsPointer(parent)
})

test('children and scheduled tasks are not stored while the log is nearly full, and are stored when the log has room (L7)', async () => {
  const log = openTaskLog(bench.own)
  let bytes = 95
  const taskLog: TaskLog = {
    ...log,
    fill: async () => ({ ...(await log.fill()), bytes, maxBytes: 100 }),
  }
  const parent = await bench.submit()
  const { ids, ...spawned } = spawnedBy(parent)
  await bench.append(parent.taskId, spawned)
  await runEverySecond('every-second', parent.spec)
  await bench.start({ taskLog })
  const announced = { op: 'spawn', attempt: 1, step: 1, children: [parent.spec] }
  expect(await bench.report(parent.taskId, announced)).toEqual({ kind: 'unavailable' })
  await rounds(1_000, 2)
  expect((await bench.taskLog.fill()).messages).toBe(2)
  bytes = 10
  for (const taskId of ids) await bench.reaches(taskId, 'queued')
  await eventually(async () => {
    expect(await bench.schedules.lastRun('t', 'every-second')).toMatchObject({ skipped: false })
  }, SOON_MS)
})

test('each tick of a schedule creates one task, no matter how many coordinators run the schedule (L1)', async () => {
  await bench.start()
  await bench.start()
  const { spec } = await bench.submit()
  await runEverySecond('every-second', { ...spec, task: 'tick' })
  const tick = await countOn(bench.bus, 'live.*')
  await eventually(() => expect(tick.count()).toBeGreaterThanOrEqual(2), SOON_MS)
  tick.close()
  const run = await bench.schedules.lastRun('t', 'every-second')
  expect(run).toMatchObject({ skipped: false })
  expect(await bench.taskLog.history(run!.taskId!)).toHaveLength(1)
  await bench.getsPointer((await bench.taskLog.record(run!.taskId!))!)
})

test('a follower of schedules learns their times and no tasks, which may take more memory than it has (L7)', async () => {
  const { spec } = await bench.submit()
  await runEverySecond('times', spec)
  const changes: ScheduleChange[] = []
  const tail = bench.schedules.follow((change) => changes.push(change), bench.log)
  await eventually(() => expect(changes).toHaveLength(1), SOON_MS)
  await tail.close()
  expect(changes).toEqual([
    {
      kind: 'defined',
      tenant: 't',
      name: 'times',
      seq: expect.any(Number),
      times: {
        cron: '* * * * * *',
        timeZone: 'UTC',
        overlap: 'allow',
        paused: false,
        atMs: expect.any(Number),
        fromMs: expect.any(Number),
      },
    },
  ])
})

test('a schedule that a gateway with a clock a day ahead has stored runs at once, not a day later', async () => {
  await bench.start()
  const { spec } = await bench.submit()
  const times = { cron: '* * * * * *', timeZone: 'UTC', overlap: 'allow', paused: false } as const
  const atMs = Date.now() + 86_400_000
  await bench.schedules.put('t', 'ahead', { ...times, atMs, spec, request: {} })
  await eventually(async () => {
    expect((await bench.schedules.lastRun('t', 'ahead'))?.taskId).toBeDefined()
  }, SOON_MS)
})

test('a schedule that forbids overlap skips its ticks until its last task has ended', async () => {
  await bench.start()
  const { spec } = await bench.submit()
  await runEverySecond('one-at-a-time', spec, 'skip')
  const skipped = await eventually(async () => {
    const run = await bench.schedules.lastRun('t', 'one-at-a-time')
    if (run?.skipped !== true) throw new Error('not skipped yet')
    return run
  }, SOON_MS)
  expect(await bench.taskLog.record(skipped.taskId!)).toMatchObject({ state: 'queued' })
})

test('if a coordinator dies while it submits the task of a schedule that forbids overlap, the next coordinator stores this task and skips ticks until it has ended', async () => {
  const { spec } = await bench.submit()
  const atMs = Date.now() - 10_000
  const times = { cron: '* * * * * *', timeZone: 'UTC', overlap: 'skip', paused: false } as const
  await bench.schedules.put('t', 'one-at-a-time', { ...times, spec, request: {}, atMs })
  const tickMs = Math.ceil(atMs / 1_000) * 1_000 + 1_000
  const taskId = tickTaskId('t', 'one-at-a-time', tickMs)
  const run = { tickMs, taskId, skipped: false, pending: true, atMs: tickMs } as const
  await bench.schedules.noteRun('t', 'one-at-a-time', run, 0)
  await bench.start()
  await eventually(async () => {
    const last = await bench.schedules.lastRun('t', 'one-at-a-time')
    expect(last).toMatchObject({ skipped: true, taskId })
  }, SOON_MS)
  expect(await bench.taskLog.history(taskId)).toHaveLength(1)
})

test('the schedule of a tenant runs before most of the 200 schedules of another tenant that are due at the same time (L7)', async () => {
  const { spec } = await bench.submit()
  const names = Array.from({ length: 200 }, (_, at) => `s${at}`)
  for (const name of names) await runEverySecond(name, spec, 'allow', 'crowd')
  await runEverySecond('one', spec, 'allow', 'quiet')
  await bench.start()
  const seqOf = async (tenant: string, name: string, tickMs: number) =>
    (await bench.taskLog.last(tickTaskId(tenant, name, tickMs)))?.seq
  await eventually(async () => {
    // The second that began a while ago: all of its ticks are stored, or will never be.
    const tickMs = Math.floor(Date.now() / 1_000 - 1) * 1_000
    const quiet = await seqOf('quiet', 'one', tickMs)
    const crowd = await Promise.all(names.map((name) => seqOf('crowd', name, tickMs)))
    expect(quiet).toBeDefined()
    expect(crowd.filter((seq) => seq !== undefined).length).toBeGreaterThan(100)
    const earlier = crowd.filter((seq) => seq !== undefined && seq < (quiet ?? 0))
    expect(earlier.length).toBeLessThan(60)
  }, SOON_MS)
})
