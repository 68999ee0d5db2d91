/** Streams that are lost while the fleet runs: a coordinator makes them again, on a real nats-server. */
import { openAuditLog, openKeys, openOps, provisionStreams } from '@agentfleet/adapters'
import { DEATH_CONSUMER, RUNNING_CONSUMER, STREAMS, SUBJECTS } from '@agentfleet/protocol'
import { eventually, PLAIN_SPEC, STREAM_SIZES } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SOON_MS, startBench, TIMING, type Bench } from '../support.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterEach(() => bench.reset())
afterAll(() => bench[Symbol.asyncDispose]())

const EVERY_SECOND = {
  cron: '* * * * * *',
  timeZone: 'UTC',
  overlap: 'allow',
  paused: false,
  spec: PLAIN_SPEC,
  request: {},
} as const

/** Makes the streams with the rights of a coordinator. */
const provision = () => provisionStreams(bench.own, STREAM_SIZES, bench.log)
const managerOf = () => bench.bus.nats.jetstreamManager()

/** Resolves when the stream exists; rejects while it does not. */
async function exists(stream: string): Promise<void> {
  const manager = await managerOf()
  await manager.streams.info(stream)
}

test.each(Object.values(STREAMS))(
  'the stream %s that is deleted while a coordinator runs is made again',
  async (stream) => {
    const coordinator = await bench.start({ provision })
    const manager = await managerOf()
    const { config } = await manager.streams.info(stream)
    await manager.streams.delete(stream)
    await eventually(() => exists(stream), SOON_MS)
    expect((await manager.streams.info(stream)).config).toEqual(config)
    await eventually(() => expect(coordinator.ready?.().reason).not.toBe('streams-missing'))
  },
)

test.each([
  [STREAMS.ops, DEATH_CONSUMER],
  [STREAMS.tasks, RUNNING_CONSUMER.name],
])(
  'a consumer of the stream %s that is deleted while a coordinator runs is made again: %s',
  async (stream, consumer) => {
    await bench.start({ provision })
    const manager = await managerOf()
    await manager.consumers.delete(stream, consumer)
    await eventually(() => manager.consumers.info(stream, consumer), SOON_MS)
  },
)

test('a coordinator is not ready while a stream is missing that it cannot make', async () => {
  let mayMake = false
  const coordinator = await bench.start({
    provision: async () => {
      if (!mayMake) throw new Error('the disk is full')
      await provision()
    },
  })
  await (await managerOf()).streams.delete(STREAMS.audit)
  const notReady = { ok: false, reason: 'streams-missing' }
  await eventually(() => expect(coordinator.ready?.()).toEqual(notReady), SOON_MS)
  mayMake = true
  await eventually(() => expect(coordinator.ready?.()).toEqual({ ok: true }), SOON_MS)
})

test('after the streams TASKS, SCHEDULES, OPS, KEYS, AGENTS and AUDIT were deleted, tasks get pointers, new schedules run, and what is written then is stored', async () => {
  const giveUps: string[] = []
  const coordinator = await bench.start({ provision, giveUp: (why) => void giveUps.push(why) })
  const waiting = await bench.submit({}, { pointer: true })
  await bench.schedules.put('t', 'lost', { ...EVERY_SECOND, paused: true, atMs: Date.now() })
  const manager = await managerOf()
  const lost = Object.values(STREAMS).filter((stream) => stream !== STREAMS.log)
  for (const stream of lost) await manager.streams.delete(stream)
  for (const stream of lost) await eventually(() => exists(stream), SOON_MS)
  await bench.getsPointer(waiting)
  await bench.schedules.put('t', 'new', { ...EVERY_SECOND, atMs: Date.now() })
  await eventually(
    async () => expect(await bench.schedules.lastRun('t', 'new')).toBeDefined(),
    SOON_MS,
  )
  const death = { nodeId: 'n9', incarnation: 1, state: 'dead', reason: 'silence' } as const
  await openOps(bench.bus).declareDead({ ...death, phi: 9, silentMs: 1, atMs: 1 })
  expect((await openOps(bench.bus).lastDeath('n9'))?.incarnation).toBe(1)
  expect(await openKeys(bench.bus).fill()).toBe(0)
  expect((await openAuditLog(bench.bus).before(undefined, 10)).events).toEqual([])
  const run = await bench.schedules.lastRun('t', 'lost')
  expect(run).toBeUndefined()
  await eventually(() => expect(coordinator.ready?.()).toEqual({ ok: true }), SOON_MS)
  expect(giveUps).toEqual([])
}, 60_000)

test('a coordinator whose log was replaced by another one of the same length does not take it for the log that it has read', async () => {
  const task = await bench.submit()
  const reasons: string[] = []
  const coordinator = await bench.start({ giveUp: (reason) => void reasons.push(reason) })
  await bench.getsPointer(task)
  const manager = await managerOf()
  const { config, state } = await manager.streams.info(STREAMS.log)
  // The tail has looked at the stream that it reads.
  await eventually(() => expect(coordinator.ready?.()).toEqual({ ok: true }))
  const untilMs = performance.now() + 2 * LOOKS_EVERY_MS
  await eventually(() => expect(performance.now()).toBeGreaterThan(untilMs))
  await manager.streams.delete(STREAMS.log)
  await manager.streams.add(config)
  for (let at = 0; at <= state.last_seq; at += 1) {
    await bench.bus.nats.jetstream().publish(SUBJECTS.log(`another-${at}`), 'not an event')
  }
  await eventually(() => expect(reasons[0]).toBe('log-not-read'), 2 * TIMING.logStuckMs + SOON_MS)
}, 60_000)

/** How often a reader looks at the stream that it reads, milliseconds. */
const LOOKS_EVERY_MS = 2_000
