import { STUCK_PER_TENANT, timingOf } from '@agentfleet/domain'
import { DISPATCH_WITHIN_MS, FORMATS, waitingConsumer } from '@agentfleet/protocol'
import { createLogger, createRegistry, systemClock } from '@agentfleet/runtime'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createReceiver } from '../../src/intake/held.ts'
import { createMetrics } from '../../src/metrics.ts'
import { figureOf, medium, pointerOf, pointersOf, SOON_MS, startWorld } from '../support.ts'

let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => world.clear())
afterAll(() => world[Symbol.asyncDispose]())

describe('tasks that no node can take', () => {
  it('HELD-1: do not prevent tasks of other tenants from using free slots, and start when a node has room for them', async () => {
    const node = await world.node('w1', { slots: 20 })
    // No room for the class memory high, and much for the others.
    node.say({ memory: 0.9 })
    const balancer = await world.balancer('lb1', 1)
    const hog = pointersOf(100, { tenant: 'hog', memory: 'high' })
    await world.issue(hog, 'medium')
    await eventually(
      async () => expect(figureOf(await balancer.page(), 'pointers_held')).toBe(STUCK_PER_TENANT),
      SOON_MS,
    )
    const quiet = pointersOf(10, { tenant: 'quiet' })
    await world.issue(quiet, 'medium')
    await eventually(() => expect(node.taken).toHaveLength(10), SOON_MS)
    expect(node.taken.every(({ tenant }) => tenant === 'quiet')).toBe(true)
    // A new task of another tenant is taken at once, one of the same tenant waits behind its others.
    world.fresh([medium(pointerOf({ tenant: 'quiet' })), medium(pointerOf({ tenant: 'hog' }))])
    await eventually(() => expect(node.taken).toHaveLength(11), SOON_MS)
    node.say({ memory: 0.1 })
    await eventually(() => {
      node.finishAll()
      const ran = new Set(node.taken.map(({ taskId }) => taskId))
      expect(hog.every(({ taskId }) => ran.has(taskId))).toBe(true)
      expect(ran.size).toBe(112)
    }, SOON_MS)
  })
})

const DAY_MS = 86_400_000
describe('the dispatch of a task', () => {
  it.each([
    ['ahead', DAY_MS, 0],
    ['behind', -DAY_MS, 0],
    ['right, and that of the node a day ahead', 0, DAY_MS],
  ])(
    'says when it was sent by the clock of its node, although the clock of the load balancer is a day %s (L3)',
    async (_, balancerAheadMs, aheadMs) => {
      const node = await world.node('w1', { aheadMs })
      const nowMs = () => Date.now() + balancerAheadMs
      const { monotonicMs } = systemClock
      await world.balancer('lb1', 1, { clock: { nowMs, monotonicMs } })
      const fromMs = Date.now() + aheadMs
      world.fresh([medium(pointerOf())])
      await eventually(() => expect(node.dispatches).toHaveLength(1), SOON_MS)
      const { sentAtMs = 0 } = node.dispatches[0]!
      // Never ahead of the clock of the node: then a late dispatch would pass as fresh.
      expect(sentAtMs).toBeLessThanOrEqual(Date.now() + aheadMs)
      expect(sentAtMs).toBeGreaterThan(fromMs - DISPATCH_WITHIN_MS)
    },
  )

  it('to a node without a listener is placed on another node at once', async () => {
    const gone = await world.node('w1')
    const node = await world.node('w2')
    // By its figures w2 is full, so every task would go to w1.
    node.say({ active: 9 })
    await world.balancer('lb1', 2)
    await gone.crash()
    const atMs = performance.now()
    world.fresh([medium(pointerOf())])
    await eventually(() => expect(node.taken).toHaveLength(1), SOON_MS)
    // The load balancer did not wait for an answer.
    expect(performance.now() - atMs).toBeLessThan(DISPATCH_WITHIN_MS)
    // Recovery may have given its pointer back meanwhile.
    expect(node.taken[0]?.fenced).toBe(true)
    // A pointer would show that the task waited until the load balancer issued one.
    expect(node.taken[0]?.ackSubject).toBeUndefined()
  })

  it('to a node without a listener is placed on another node at once for the tasks behind it too, and no task gets a pointer', async () => {
    const gone = await world.node('w1', { slots: 1_000 })
    const node = await world.node('w2', { slots: 1_000 })
    node.say({ active: 500 })
    await world.balancer('lb1', 2)
    await gone.crash()
    // More than one message holds.
    world.fresh(pointersOf(250).map(medium))
    await eventually(() => expect(node.running()).toBe(250), SOON_MS)
    const first = node.taken.slice(0, 250)
    expect(new Set(first.map(({ taskId }) => taskId)).size).toBe(250)
    expect(first.every(({ ackSubject }) => ackSubject === undefined)).toBe(true)
  })

  it('that a node refuses although its figures show room is not repeated at once', async () => {
    const node = await world.node('w1', { answers: 'refuses' })
    const balancer = await world.balancer('lb1', 1)
    await world.issue([pointerOf()], 'medium')
    await eventually(() => expect(node.dispatches.length).toBeGreaterThan(1), SOON_MS)
    await eventually(
      async () => expect(await balancer.page()).toMatch(/pointers_held\S* 1$/m),
      SOON_MS,
    )
    expect(node.dispatches.length).toBeLessThan(10)
    node.answer('takes')
    await eventually(() => expect(node.taken).toHaveLength(1), SOON_MS)
  })

  it('without an answer is left to the lease, and no task is placed again before the lease ends', async () => {
    const silent = await world.node('w1', { answers: 'silent' })
    const node = await world.node('w2', { slots: 3 })
    node.say({ active: 3 })
    const balancer = await world.balancer('lb1', 2)
    const pointer = pointerOf()
    await world.issue([pointer], 'medium')
    await eventually(() => expect(silent.dispatches).toHaveLength(1), SOON_MS)
    node.say({ active: 0 })
    await eventually(
      async () => expect(await balancer.page()).toMatch(/dispatches_total\{.*timeout.*\} 1/),
      SOON_MS,
    )
    expect(node.taken).toEqual([])
    expect(await world.pointers.has('medium', 'acme', pointer.taskId)).toBe(true)
  })
})

describe('a fetched pointer', () => {
  it('leads to a start without the coordinator when the pointer is new, and to a start through the coordinator when it is issued again (L3)', async () => {
    const node = await world.node('w1')
    await world.balancer('lb1', 1)
    const fresh = pointerOf()
    const { spec: _, ...without } = pointerOf({ reissue: true, cpu: 'high' })
    await world.issue([fresh, without], 'medium')
    await eventually(() => expect(node.taken).toHaveLength(2), SOON_MS)
    const of = (taskId: string) => node.taken.find((one) => one.taskId === taskId)
    expect(of(fresh.taskId)).toMatchObject({ fenced: false, spec: { task: 'x' } })
    expect(of(without.taskId)).toMatchObject({ fenced: true, cpu: 'high', memory: 'low' })
    expect(of(without.taskId)?.ackSubject).toBeDefined()
  })

  it('leads to a start through the coordinator (a fenced start) when it was issued again or delivered before, even if it contains its spec (L3)', async () => {
    const receive = createReceiver({
      bus: world.bus,
      log: createLogger({ service: 'test', id: 'test', level: 'silent' }),
      metrics: createMetrics(createRegistry('receiver')),
      monotonicMs: () => 0,
      olderPointers: { has: (streamSeq) => streamSeq <= 4 },
      timing: timingOf(),
    })
    const fencedOf = (streamSeq: number, deliveries: number, reissue = false) => {
      const text = JSON.stringify(pointerOf({ reissue }))
      const counts = { consumerSeq: 1, waiting: 0, storedAtMs: 0, seq: streamSeq, deliveries }
      const bytes = text.length
      const message = { subject: 'tasks.medium.acme.t', text, bytes, ackSubject: 'a', ...counts }
      return receive(message, 'medium')?.fenced
    }
    expect(fencedOf(4, 1)).toBe(true)
    expect(fencedOf(5, 1)).toBe(false)
    expect(fencedOf(6, 1, true)).toBe(true)
    expect(fencedOf(7, 2)).toBe(true)
    // A crashed server may deliver a message again with the same delivery count.
    expect(fencedOf(5, 1)).toBe(true)
    expect(fencedOf(8, 1)).toBe(false)
  })

  it('leads to a start through the coordinator when its writer stored it so late that the coordinator may have issued another one (L3)', () => {
    const receive = createReceiver({
      bus: world.bus,
      log: createLogger({ service: 'test', id: 'test', level: 'silent' }),
      metrics: createMetrics(createRegistry('late')),
      monotonicMs: () => 0,
      olderPointers: { has: () => false },
      timing: timingOf(),
    })
    const submittedAtMs = Date.UTC(2026, 0, 1)
    const pointer = pointerOf({ deadlineAtMs: submittedAtMs + 60_000 })
    const text = JSON.stringify(pointer)
    const fencedAfter = (lateMs: number, streamSeq: number) => {
      const storedAtMs = submittedAtMs + lateMs
      const counts = { consumerSeq: 1, waiting: 0, storedAtMs, seq: streamSeq, deliveries: 1 }
      const stored = { subject: 'tasks.medium.acme.t', text, bytes: text.length, ackSubject: 'a' }
      return receive({ ...stored, ...counts }, 'medium')?.fenced
    }
    expect(fencedAfter(1_400, 1)).toBe(false)
    expect(fencedAfter(1_600, 2)).toBe(true)
  })

  it('is removed if no service can read it, and left to the newer release that has stored it', async () => {
    const acked: string[] = []
    world.bus.subscribe('acks.*', ({ subject }) => void acked.push(subject))
    const receive = createReceiver({
      bus: world.bus,
      log: createLogger({ service: 'test', id: 'test', level: 'silent' }),
      metrics: createMetrics(createRegistry('unreadable')),
      monotonicMs: () => 0,
      olderPointers: { has: () => false },
      timing: timingOf(),
    })
    const held = (name: string, text: string) => {
      const counts = { consumerSeq: 1, waiting: 0, storedAtMs: 0, seq: 1, deliveries: 1 }
      const stored = { subject: 'tasks.medium.acme.t', text, bytes: text.length }
      return receive({ ...stored, ackSubject: `acks.${name}`, ...counts }, 'medium')
    }
    expect(held('torn', '{nonsense')).toBeUndefined()
    expect(held('null', 'null')).toBeUndefined()
    expect(held('fields', '{"taskId":1}')).toBeUndefined()
    const format = FORMATS.pointer + 1
    expect(held('newer', JSON.stringify({ ...pointerOf(), format }))).toBeUndefined()
    expect(held('good', JSON.stringify(pointerOf()))).toBeDefined()
    await world.bus.roundTrip(SOON_MS)
    expect(acked).toEqual(['acks.torn', 'acks.null', 'acks.fields'])
  })

  it('leads to a start through the coordinator when nats-server has lost the count of its deliveries and the load balancer has restarted (L3)', async () => {
    const node = await world.node('w1')
    const before = await world.balancer('lb1', 1)
    const [first, second] = [pointerOf(), pointerOf()]
    await world.issue([first], 'medium')
    await eventually(() => expect(node.taken).toHaveLength(1), SOON_MS)
    await before.kill()
    // A server that was killed forgets its latest deliveries, as if its consumers were new.
    const consumer = waitingConsumer({ tenant: first.tenant, priority: 'medium' }).name
    await world.bus.request(`$JS.API.CONSUMER.DELETE.TASKS.${consumer}`, '', 2_000)
    await world.balancer('lb2', 1)
    await world.issue([second], 'medium')
    await eventually(() => expect(node.taken).toHaveLength(3), SOON_MS)
    const starts = node.taken.map(({ taskId, fenced }) => [taskId === first.taskId, fenced])
    expect(starts).toEqual(
      expect.arrayContaining([
        [true, false],
        [true, true],
        [false, false],
      ]),
    )
  })

  it('that cannot be parsed is removed from the queue', async () => {
    await world.node('w1')
    await world.balancer('lb1', 1)
    world.bus.publish('tasks.medium.acme.broken', 'no JSON')
    await eventually(
      async () => expect(await world.pointers.has('medium', 'acme', 'broken')).toBe(false),
      SOON_MS,
    )
  })
})
