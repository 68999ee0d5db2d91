import {
  connectBus,
  connectStore,
  createPuller,
  openPointers,
  openTaskLog,
  provisionStreams,
  type Pointers,
} from '@agentfleet/adapters'
import { TIMING, type Completed, type Submitted, type TaskEvent } from '@agentfleet/domain'
import {
  CHANNELS,
  freshPointer,
  newTaskId,
  RUNNING_CONSUMER,
  signClaim,
} from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { eventually, PLAIN_SPEC, startTestServers } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { rebuildProjection } from '../../src/projection/rebuild.ts'
import { createEndedTasks, type Retention } from '../../src/follower/ended-tasks.ts'
import { createTaskTable } from '../../src/follower/task-table.ts'
import { createTrimmer } from '../../src/follower/trim.ts'
import { createIssuer } from '../../src/repair/issue.ts'
import { createPointerRepair } from '../../src/repair/pointers.ts'

const MIB = 1024 ** 2
const SIZES = { logMaxBytes: MIB, tasksMaxBytes: MIB, opsMaxBytes: MIB, replicas: 1 }
const RETENTION_MS = 10_000
const CLAIM_KEY = 'a-key-of-the-tests'
const submitted: Submitted = {
  type: 'submitted',
  atMs: 1_000,
  tenant: 't',
  specHash: '',
  spec: { ...PLAIN_SPEC, timeoutMs: 3_600_000 },
}
const completed: Completed = {
  type: 'completed',
  atMs: 1_000,
  attempt: 1,
  node: 'n1',
  result: 'r',
  usage: { inputTokens: 1, outputTokens: 1, llmCalls: 1 },
}

async function setup() {
  const servers = await startTestServers(['nats', 'redis'])
  const log = createLogger({ service: 'coordinator', id: 'test', level: 'silent' })
  const { url } = servers.nats
  const bus = await connectBus({ url, name: 'test', inboxPrefix: '_INBOX_t', log })
  await provisionStreams(bus, SIZES, log)
  const taskLog = openTaskLog(bus)
  const store = await connectStore({ url: servers.redis.url, log })
  const pointers = openPointers(bus)
  const tasks = createTaskTable()
  const time = { nowMs: 1_000 }
  const nowMs = () => time.nowMs
  const repairOf = (queues: Pointers) =>
    createPointerRepair({
      bus,
      tasks,
      pointers: queues,
      taskLog,
      log,
      issuer: createIssuer({ tasks, pointers, log }),
      timing: TIMING,
      nowMs,
      claimKey: CLAIM_KEY,
    })
  const trimmerOf = (retention: Retention) => {
    const endedTasks = createEndedTasks(retention)
    const trimmer = createTrimmer({ bus, taskLog, store, tasks, log, endedTasks })
    return {
      ...endedTasks,
      async trim() {
        endedTasks.expire(nowMs(), () => undefined)
        await trimmer.trim()
      },
    }
  }
  return {
    time,
    taskLog,
    store,
    rebuild: (signal = never) =>
      rebuildProjection({
        bus,
        store,
        taskLog,
        log,
        certainlyKeptMs: 0,
        retentionMs: RETENTION_MS * 100,
        afterSeq: 0,
        signal,
        monotonicMs: nowMs,
      }),
    tasks,
    pointers,
    repairOf,
    repair: repairOf(pointers),
    bus,
    trimmer: trimmerOf({ retentionMs: RETENTION_MS, retentionTasks: 1_000_000, keptAtLeastMs: 0 }),
    trimmerOf,
    /** Stores an event as its writer does; the follower reads it when the test calls `follow`. */
    async append(taskId: string, event: TaskEvent, expectSeq: number): Promise<number> {
      const options = { expectSeq, messageId: `${taskId}.${event.type}`, deadlineMs: 5_000 }
      const outcome = await taskLog.append(taskId, event, options)
      if (outcome.kind !== 'stored') throw new Error(`not stored: ${outcome.kind}`)
      tasks.apply({ taskId, event, seq: outcome.seq, storedAtMs: event.atMs, bytes: 500 })
      return outcome.seq
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      await bus.close()
      await servers[Symbol.asyncDispose]()
    },
  }
}
const never = new AbortController().signal
type Bench = Awaited<ReturnType<typeof setup>>

test('a task that has no pointer gets one once it is no longer young (L8)', async () => {
  await using bench = await setup()
  const taskId = newTaskId(1_000)
  await bench.append(taskId, submitted, 0)
  expect(await bench.repair.sweep(never)).toEqual({ issued: 0, removed: 0 })
  bench.time.nowMs += TIMING.followAfterMs
  expect(await bench.repair.sweep(never)).toEqual({ issued: 1, removed: 0 })
  expect(await bench.pointers.has('medium', 't', taskId)).toBe(true)
})

test('a task without a pointer gets one in the next round, however many tasks have ended before (L8)', async () => {
  await using bench = await setup()
  const { time, tasks, pointers } = bench
  const repair = bench.repairOf({
    ...pointers,
    // So slow that the next rounds may not list all pointers.
    taskIds() {
      time.nowMs += 1_000
      return pointers.taskIds()
    },
  })
  await repair.sweep(never)
  const taskId = newTaskId(1_000)
  await bench.append(taskId, submitted, 0)
  const record = tasks.get(taskId)!
  for (let n = 0; n < 3_000; n += 1) repair.note({ ...record, taskId: newTaskId(1_000) })
  repair.note({ ...record, updatedAtMs: time.nowMs })
  time.nowMs += TIMING.followAfterMs
  expect(await repair.sweep(never)).toEqual({ issued: 1, removed: 0 })
})

/** A node that runs every task it is asked about, and has the claim of this one. */
function answerAs(bench: Bench, nodeId: string, claimed: string): () => void {
  const { bus, tasks } = bench
  const subscription = bus.on(CHANNELS.runs, ({ taskIds }) => ({
    nodeId,
    runs: taskIds.map((taskId) => ({
      taskId,
      token: tasks.get(taskId)?.seq ?? 0,
      claim: signClaim(CLAIM_KEY, claimed, nodeId),
    })),
  }))
  return () => subscription.close()
}

test('only a node that was given a task gets the pointer of the task as its run (L9)', async () => {
  await using bench = await setup()
  const [own, others] = [newTaskId(1_000), newTaskId(1_001)]
  for (const taskId of [own, others]) await bench.append(taskId, submitted, 0)
  answerAs(bench, 'n1', own)
  await bench.bus.roundTrip(5_000)
  bench.time.nowMs += TIMING.followAfterMs
  expect(await bench.repair.sweep(never)).toEqual({ issued: 2, removed: 0 })
  expect(await bench.pointers.has('running', 't', own)).toBe(true)
  expect(await bench.pointers.has('medium', 't', own)).toBe(false)
  expect(await bench.pointers.has('medium', 't', others)).toBe(true)
})

test('the missing pointer of a living run names its node, so a node that later misses a question keeps its task (L8)', async () => {
  await using bench = await setup()
  const { bus, time, repair } = bench
  const taskId = newTaskId(1_000)
  const seq = await bench.append(taskId, submitted, 0)
  repair.note(bench.tasks.get(taskId)!)
  const freeze = answerAs(bench, 'n1', taskId)
  await bus.roundTrip(5_000)
  time.nowMs += TIMING.followAfterMs
  expect(await repair.sweep(never)).toEqual({ issued: 1, removed: 0 })
  freeze()
  for (let look = 0; look < 3; look += 1) {
    time.nowMs += TIMING.listPointersEveryMs
    expect(await repair.sweep(never)).toEqual({ issued: 0, removed: 0 })
  }
  const adopted: unknown[] = []
  const puller = createPuller(bus, {
    stream: 'TASKS',
    consumer: RUNNING_CONSUMER.name,
    wanted: () => 2,
    receive: ({ text }) => void adopted.push(JSON.parse(text)),
  })
  await eventually(() => expect(adopted).toHaveLength(1))
  puller.stop()
  expect(adopted).toMatchObject([{ taskId, seq, reissue: true, node: 'n1' }])
})

test('a pointer of an ended task is removed, and a pointer of an unknown task stays', async () => {
  await using bench = await setup()
  const taskId = newTaskId(1_000)
  const seq = await bench.append(taskId, submitted, 0)
  const record = bench.tasks.get(taskId)!
  await bench.append(taskId, completed, seq)
  const stranger = { ...record, taskId: newTaskId(1_001) }
  for (const each of [record, stranger]) {
    await bench.pointers.issueSurely(freshPointer(each), 'medium')
  }
  for (let look = 0; look < 2; look += 1) {
    bench.time.nowMs += TIMING.listPointersEveryMs
    await bench.repair.sweep(never)
  }
  expect([...(await bench.pointers.taskIds())]).toEqual([stranger.taskId])
})

test('trimming removes the events of ended tasks from the log, and never removes events of an unfinished task (L7)', async () => {
  await using bench = await setup()
  const [first, living, last] = [newTaskId(1_000), newTaskId(1_001), newTaskId(1_002)]
  for (const taskId of [first, living, last]) await bench.append(taskId, submitted, 0)
  await bench.append(first, completed, 1)
  const end = await bench.append(last, completed, 3)
  bench.trimmer.note('t', { atMs: 1_000, seq: end, neededFrom: 1, bytes: 1 })
  bench.time.nowMs += RETENTION_MS
  await bench.trimmer.trim()
  expect(await bench.taskLog.fill()).toMatchObject({ firstSeq: 2 })
  expect(await bench.taskLog.record(living)).toMatchObject({ state: 'queued' })
  await bench.append(living, completed, 2)
  await bench.trimmer.trim()
  expect(await bench.taskLog.fill()).toMatchObject({ firstSeq: end + 1 })
})

test('when too many tasks have ended, the oldest leave the log and the lists, and a task that has just ended stays (L7)', async () => {
  await using bench = await setup()
  const { tasks, taskLog, store, time } = bench
  const trimmer = bench.trimmerOf({
    retentionMs: 86_400_000,
    retentionTasks: 2,
    keptAtLeastMs: 60_000,
  })
  const ended: string[] = []
  for (const atMs of [10_000, 20_000, 30_000, 40_000]) {
    const taskId = newTaskId(atMs)
    const first = await bench.append(taskId, { ...submitted, atMs }, 0)
    const record = tasks.get(taskId)!
    const seq = await bench.append(taskId, { ...completed, atMs }, first)
    trimmer.note('t', { atMs, seq, neededFrom: first, bytes: 1 })
    const facts = { seq, state: 'completed', submittedAtMs: atMs, updatedAtMs: atMs } as const
    await store.project([{ ...record, ...facts }], 86_400_000)
    ended.push(taskId)
  }
  time.nowMs = 45_000
  await trimmer.trim()
  expect(await taskLog.fill()).toMatchObject({ firstSeq: 1 })
  time.nowMs = 200_000
  await trimmer.trim()
  expect(await taskLog.fill()).toMatchObject({ firstSeq: 5 })
  expect(trimmer.expiredMsOf('t')).toBe(20_000)
  await eventually(async () => {
    await trimmer.trim()
    const { found } = await store.search({ tenant: 't', filter: {}, limit: 10, order: 'oldest' })
    expect(found.map(({ task }) => task.taskId)).toEqual(ended.slice(2))
  })
})

test('an empty Redis is rebuilt from the log, with unfinished and ended tasks (L8)', async () => {
  await using bench = await setup()
  const [living, ended] = [newTaskId(1_000), newTaskId(1_001)]
  for (const taskId of [living, ended]) await bench.append(taskId, submitted, 0)
  const end = await bench.append(ended, completed, 2)
  expect(await bench.store.load(ended)).toBeUndefined()
  await expect(bench.rebuild(AbortSignal.abort())).rejects.toThrow('was ended')
  expect(await bench.rebuild()).toMatchObject({ events: 3, tasks: 2 })
  expect(await bench.store.load(ended)).toMatchObject({ state: 'completed', seq: end })
  expect(await bench.store.load(living)).toMatchObject({ state: 'queued', seq: 1 })
  expect(await bench.store.builtSeq()).toBe(end)
})
