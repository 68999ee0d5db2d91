/** A whole coordinator: when it is ready, and how it handles a log that it cannot read. */
import type { Bus } from '@agentfleet/adapters'
import type { Schedule } from '@agentfleet/domain'
import { CHANNELS, newTaskId, SUBJECTS } from '@agentfleet/protocol'
import { createRegistry, systemClock } from '@agentfleet/runtime'
import { eventually, PLAIN_SPEC } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createLogClock } from '../src/follower/log-clock.ts'
import { createMetrics } from '../src/metrics.ts'
import { SOON_MS, startBench, TIMING, type Bench } from './support.ts'

const PAUSED_SCHEDULE: Schedule = {
  cron: '* * * * *',
  timeZone: 'UTC',
  overlap: 'allow',
  paused: true,
  atMs: 1,
  spec: PLAIN_SPEC,
  request: {},
}
let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterEach(() => bench.reset())
afterAll(() => bench[Symbol.asyncDispose]())

/** The bus of a coordinator that cannot read the end of the log until `hear` is called. */
function deafBus(): { bus: Bus; hear: () => void } {
  let deaf = true
  const { own } = bench
  const nats = Object.create(own.nats, {
    request: {
      value: (subject: string, data: string, options: object) =>
        deaf && subject === '$JS.API.STREAM.INFO.LOG'
          ? Promise.reject(new Error('no answer'))
          : own.nats.request(subject, data, options as never),
    },
  }) as Bus['nats']
  return {
    bus: { ...own, nats },
    hear() {
      deaf = false
    },
  }
}

test('a coordinator whose first read of the log fails tries again, and is not ready until it has read the log (L8)', async () => {
  const task = await bench.submit()
  const { bus, hear } = deafBus()
  const coordinator = await bench.create({ bus })
  const beganMs = performance.now()
  expect(coordinator.ready?.()).toEqual({ ok: false, reason: 'log-not-followed' })
  // Longer than all tries of one read take.
  await eventually(() => expect(performance.now() - beganMs).toBeGreaterThan(2_500))
  expect(coordinator.ready?.()).toMatchObject({ ok: false })
  hear()
  await eventually(() => expect(coordinator.ready?.()).toEqual({ ok: true }))
  await bench.getsPointer(task)
})

test('a coordinator whose reader of the log stops after the start is not ready, and then ends and logs the reason', async () => {
  const task = await bench.submit()
  const reasons: string[] = []
  const coordinator = await bench.start({ giveUp: (reason) => void reasons.push(reason) })
  await bench.getsPointer(task)
  // A log that ends before what was read: its storage was lost or replaced.
  const manager = await bench.bus.nats.jetstreamManager()
  const { config } = await manager.streams.info('LOG')
  await manager.streams.delete('LOG')
  await manager.streams.add(config)
  const notReady = { ok: false, reason: 'log-not-read' }
  const stuck = TIMING.logStuckMs
  await eventually(() => expect(coordinator.ready?.()).toEqual(notReady), stuck + SOON_MS)
  await eventually(() => expect(reasons[0]).toBe('log-not-read'), 2 * stuck + SOON_MS)
}, 60_000)

test('a coordinator whose reader of the schedules stops is not ready, and then ends and logs the reason', async () => {
  await bench.schedules.put('t', 'lost', PAUSED_SCHEDULE)
  const reasons: string[] = []
  const coordinator = await bench.start({ giveUp: (reason) => void reasons.push(reason) })
  await eventually(() => expect(coordinator.ready?.()).toEqual({ ok: true }))
  const manager = await bench.bus.nats.jetstreamManager()
  const { config } = await manager.streams.info('SCHEDULES')
  await manager.streams.delete('SCHEDULES')
  const notReady = { ok: false, reason: 'schedules-not-read' }
  const stuck = TIMING.logStuckMs
  await eventually(() => expect(coordinator.ready?.()).toEqual(notReady), stuck + SOON_MS)
  await eventually(() => expect(reasons[0]).toBe('schedules-not-read'), 2 * stuck + SOON_MS)
  await manager.streams.add(config)
}, 60_000)

/** Starts a coordinator and expects that it serves a task from its submission to its end. */
async function serves(options: Parameters<Bench['start']>[0] = {}): Promise<void> {
  const coordinator = await bench.start(options)
  const task = await bench.submit()
  await bench.getsPointer(task)
  expect(await bench.complete(task.taskId)).toMatchObject({ kind: 'committed' })
  expect(coordinator.ready?.()).toEqual({ ok: true })
}

test('an event that cannot be processed is read again, because it may have been damaged on the way', async () => {
  const first = await bench.submit()
  const metrics = createMetrics(createRegistry('coordinator'))
  const { inc } = metrics.events
  let left = 1
  const failing = (...args: Parameters<typeof inc>): void => {
    if (left-- > 0) throw new Error('a fault of the code')
    inc.apply(metrics.events, args)
  }
  Object.assign(metrics.events, { inc: failing })
  await serves({ metrics })
  expect(await bench.complete(first.taskId)).toMatchObject({ kind: 'committed' })
})

test('an event that cannot be processed the second time is skipped, and the coordinator continues', async () => {
  const poisoned = SUBJECTS.log(newTaskId(Date.now()))
  await bench.own.nats.jetstream().publish(poisoned, 'not an event')
  await serves()
})

test('a drained coordinator does not answer, and another coordinator answers at once', async () => {
  const first = await bench.start()
  const task = await bench.submit()
  await bench.end(first)
  await expect(bench.complete(task.taskId)).rejects.toThrow('no-responders')
  await bench.start()
  expect(await bench.complete(task.taskId)).toMatchObject({ kind: 'committed' })
})

test('a coordinator tells nodes the time of the log, whatever its own clock says, and no time before it has read it', async () => {
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() - 86_400_000 }
  const unread = createLogClock({
    clock,
    taskLog: { fill: () => Promise.reject(new Error('away')) },
  })
  expect(unread.readMs()).toBeUndefined()
  await bench.create({ clock })
  const node = await bench.connect('worker')
  const nodeId = 'n1'
  await eventually(async () => {
    const answer = await node.ask(CHANNELS.report, { nodeId, items: [] }, SOON_MS, { nodeId })
    if (answer.kind !== 'reply') throw new Error(answer.kind)
    expect(Math.abs(Date.now() - (answer.body.atMs ?? 0))).toBeLessThan(SOON_MS)
  })
})

test('a reading of the clock of the log that took long, because a process was paused, replaces no exact reading and is not told to nodes', async () => {
  let monotonicMs = 0
  let tookMs = 10_000
  let serverMs = 1_000_000
  const logClock = createLogClock({
    clock: { nowMs: () => 0, monotonicMs: () => monotonicMs },
    taskLog: {
      fill: async () => {
        const atMs = serverMs
        monotonicMs += tookMs
        serverMs += tookMs
        return { atMs, bytes: 0, maxBytes: 0, firstSeq: 0, lastSeq: 0, messages: 0 }
      },
    },
  })
  await logClock.look()
  expect(logClock.readMs()).toBeUndefined()
  expect(logClock.nowMs()).toBe(1_000_000)
  tookMs = 10
  await logClock.look()
  expect(logClock.readMs()).toBe(1_010_000)
  tookMs = 10_000
  await logClock.look()
  expect(logClock.readMs()).toBe(1_020_000)
})

test('a coordinator that begins a task whose first attempt may run unseen tells all nodes (L4)', async () => {
  await bench.start()
  const node = await bench.connect('worker')
  const stops: unknown[] = []
  const listening = node.on(CHANNELS.stopAnywhere, (stop) => void stops.push(stop))
  await node.roundTrip(SOON_MS)
  const { taskId, seq } = await bench.submit()
  const begun = await bench.report(taskId, { op: 'begin' })
  expect(begun).toMatchObject({ kind: 'begun', attempt: 2 })
  const before = begun.kind === 'begun' ? begun.seq : 0
  await eventually(() => expect(stops).toEqual([{ taskIds: [taskId], before }]), SOON_MS)
  expect(before).toBeGreaterThan(seq)
  listening.close()
})
