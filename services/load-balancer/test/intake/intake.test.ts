import { ack, openPointerConsumers, openPointers, type Bus } from '@agentfleet/adapters'
import type { Level } from '@agentfleet/domain'
import { newTaskId, waitingConsumer, type Pointer } from '@agentfleet/protocol'
import { createLogger } from '@agentfleet/runtime'
import { eventually, startSecuredServers, type SecuredServers } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createIntake, type Intake } from '../../src/intake/intake.ts'
import { createTenantShares, type Allowances } from '../../src/intake/tenant-shares.ts'

/** The intake on a real server as the user of load balancers; nodes are only a number of credits here. */

const log = createLogger({ service: 'load-balancer', id: 'test', level: 'silent' })
let servers: SecuredServers
let ours: Bus

beforeAll(async () => {
  servers = await startSecuredServers({ log })
  ours = await servers.connect('load-balancer')
}, 60_000)
afterAll(() => servers[Symbol.asyncDispose]())

interface Bench {
  readonly intake: Intake
  /** The tenants in the order in which their pointers arrived. */
  readonly came: string[]
  free(count: number): void
  /**
   * Ends tasks in flight, the oldest first, and waits each time for the next one until this many have arrived.
   */
  end(count: number, expected?: number): Promise<void>
  close(): void
}

async function bench(allowances: Allowances = new Map(), wake = true): Promise<Bench> {
  const monotonicMs = () => performance.now()
  const shares = createTenantShares({
    allowances,
    balancers: () => ({ own: 'lb', living: ['lb'] }),
    monotonicMs,
  })
  // No other load balancer has tasks in flight here.
  shares.asking()
  shares.tally()
  const announcing = setInterval(shares.announced, 500)
  const notes = shares.counting({
    dispatched: () => undefined,
    ended: () => undefined,
    returned: () => undefined,
    nodeGone: () => undefined,
    sweep: () => undefined,
    flush: () => Promise.resolve(),
  })
  let credits = 0
  const came: string[] = []
  const flying: { taskId: string; ackSubject: string }[] = []
  const intake = createIntake({
    bus: ours,
    consumers: openPointerConsumers(ours),
    shares,
    log,
    monotonicMs,
    credits: () => credits,
    running: () => 0,
    stuckOf: () => 0,
    receive({ text, ackSubject }, queue) {
      const pointer = JSON.parse(text) as Pointer
      credits -= 1
      came.push(pointer.tenant)
      flying.push({ taskId: pointer.taskId, ackSubject })
      notes.dispatched(
        {
          pointer,
          priority: queue as Level,
          ackSubject,
          running: false,
          fenced: false,
          runsAt: undefined,
          why: undefined,
          issued: false,
          heldSinceMs: 0,
        },
        'n1',
      )
    },
  })
  const heard = wake
    ? ours.subscribe('balancer.waiting', (message) => {
        const { queues } = JSON.parse(message.text()) as { queues: Parameters<Intake['wake']>[0] }
        intake.wake(queues)
      })
    : undefined
  // Tasks arrive over another connection: their announcement would be lost before the server knows
  // this subscription, and no coordinator repeats it here.
  expect(await ours.roundTrip(5_000)).toBe(true)
  return {
    intake,
    came,
    free(count) {
      credits += count
      intake.poke()
    },
    async end(count, expected = 0) {
      for (let ended = 0; ended < count; ended += 1) {
        const oldest = await eventually(() => {
          const next = flying.shift()
          if (next === undefined) throw new Error('nothing is in flight')
          return next
        })
        ack.done(ours, oldest.ackSubject)
        notes.ended([oldest.taskId], 'n1')
        credits += 1
        intake.poke()
        // One slot becomes free at a time, as in a fleet.
        const before = came.length
        // A doorbell may have fetched one pointer above the credits.
        if (credits >= 1 && before < expected)
          await eventually(() => expect(came.length).toBeGreaterThan(before))
      }
    },
    close() {
      clearInterval(announcing)
      intake.stop()
      heard?.close()
    },
  }
}

async function submit(tenant: string, count: number, priority: Level = 'medium'): Promise<void> {
  const pointers = openPointers(servers.bus)
  await Promise.all(
    Array.from({ length: count }, () =>
      pointers.issueSurely(
        {
          taskId: newTaskId(Date.now()),
          tenant,
          seq: 1,
          cpu: 'low',
          memory: 'low',
          cost: 1_500,
          deadlineAtMs: Date.now() + 60_000,
          reissue: false,
        },
        priority,
      ),
    ),
  )
}

const countOf = (came: readonly string[], tenant: string) =>
  came.filter((each) => each === tenant).length

test('a new tenant is served at once, even next to a tenant with a large backlog', async () => {
  const { intake, came, free, end, close } = await bench()
  try {
    free(8)
    await submit('crowd', 300)
    await eventually(() => expect(came).toHaveLength(8))
    await submit('small', 6)
    await eventually(() => expect(intake.size()).toBe(2))
    await end(20, 306)
    await eventually(() => expect(countOf(came, 'small')).toBe(6))
    // The tenant has its half of eight slots after four ended tasks; six more bring the rest.
    expect(came.lastIndexOf('small')).toBeLessThan(8 + 20)
    expect(countOf(came, 'crowd')).toBeGreaterThan(8)
    await end(286, 306)
    expect(came).toHaveLength(306)
  } finally {
    close()
  }
}, 60_000)

test('a tenant never has more tasks in flight than its limit, and others get the remaining slots', async () => {
  const limits = new Map([['limited', { weight: 1, concurrency: 3 }]])
  const { came, free, end, close } = await bench(limits)
  try {
    free(10)
    await submit('limited', 12)
    await eventually(() => expect(came).toHaveLength(3))
    await submit('other', 12)
    await eventually(() => expect(countOf(came, 'other')).toBe(7))
    expect(countOf(came, 'limited')).toBe(3)
    await end(24)
    expect(came).toHaveLength(24)
  } finally {
    close()
  }
}, 60_000)

test('a queue whose announcement was lost is found because it has a consumer, or by its next announcement if it has no consumer', async () => {
  const deaf = await bench(new Map(), false)
  try {
    deaf.free(10)
    await openPointerConsumers(ours).make({ tenant: 'left', priority: 'high' })
    await submit('left', 2, 'high')
    await submit('nobody', 1)
    await deaf.intake.look()
    await eventually(() => expect(deaf.came).toEqual(['left', 'left']))
    deaf.intake.wake([{ tenant: 'nobody', priority: 'medium' }])
    await eventually(() => expect(deaf.came).toContain('nobody'))
    await deaf.end(3)
  } finally {
    deaf.close()
  }
}, 60_000)

test('a JetStream consumer that was deleted while a load balancer listens to it is created again with the next task', async () => {
  const { came, free, end, close } = await bench()
  try {
    free(4)
    await submit('again', 1)
    await eventually(() => expect(came).toEqual(['again']))
    await end(1)
    const { name } = waitingConsumer({ tenant: 'again', priority: 'medium' })
    await eventually(async () => {
      const consumer = (await openPointerConsumers(ours).list()).find((each) => each.name === name)
      expect(consumer?.out).toBe(0)
    })
    await servers.bus.request(`$JS.API.CONSUMER.DELETE.TASKS.${name}`, '', 2_000)
    await submit('again', 1)
    await eventually(() => expect(came).toHaveLength(2))
    await end(1)
  } finally {
    close()
  }
}, 60_000)

test("a JetStream consumer of a tenant's queue is removed only when the queue is empty and no load balancer listens to it", async () => {
  const consumers = openPointerConsumers(ours)
  const queue = { tenant: 'idle', priority: 'low' } as const
  await consumers.make(queue)
  await submit('idle', 1, 'low')
  // nats-server counts a stored message for its consumers a moment after it answers the publisher.
  await eventually(async () => {
    const state = (await consumers.list()).find(({ tenant }) => tenant === queue.tenant)
    expect(state?.waiting).toBe(1)
  })
  expect(await consumers.removeIdle(queue)).toBe(false)
  const { came, free, end, close } = await bench()
  free(1)
  await submit('idle', 1, 'low')
  await eventually(() => expect(came).toHaveLength(1))
  expect(await consumers.removeIdle(queue)).toBe(false)
  await end(1)
  await eventually(() => expect(came).toHaveLength(2))
  await end(1)
  close()
  await eventually(async () => expect(await consumers.removeIdle(queue)).toBe(true))
  const names = (await consumers.list()).map(({ name }) => name)
  expect(names).not.toContain(waitingConsumer(queue).name)
}, 60_000)

test('no task is lost when nats-server and the load balancer die', async () => {
  const first = await bench()
  await submit('lasting', 30)
  first.free(10)
  await eventually(() => expect(countOf(first.came, 'lasting')).toBe(10))
  servers.nats.kill('SIGKILL')
  await servers.nats.restart()
  await first.end(10)
  // A request that waited in the client for the new connection is abandoned, but may still bring a pointer.
  await eventually(() => expect(countOf(first.came, 'lasting')).toBeGreaterThanOrEqual(20))
  await first.end(10)
  first.close()
  // The next load balancer has heard no announcement.
  const next = await bench(new Map(), false)
  try {
    next.free(10)
    await eventually(async () => {
      await next.intake.look()
      expect(countOf(next.came, 'lasting')).toBeGreaterThan(0)
    })
  } finally {
    next.close()
  }
}, 120_000)
