import { ack, openPointerConsumers } from '@agentfleet/adapters'
import { CHANNELS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { figureOf, pointersOf, startWorld, type TestBalancer } from '../support.ts'

/** Several load balancers, and the end of one. */
let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => world.clear())
afterAll(() => world[Symbol.asyncDispose]())

const together = async (balancers: readonly TestBalancer[]): Promise<void> => {
  for (const balancer of balancers) {
    await eventually(async () =>
      expect(figureOf(await balancer.page(), 'load_balancers')).toBe(balancers.length),
    )
  }
}

/** Waits for this many announcements of load balancers: they have handled what came before. */
const announcements = async (count: number): Promise<void> => {
  const before = world.hints.length
  await eventually(() => expect(world.hints.length).toBeGreaterThanOrEqual(before + count))
}

describe('two load balancers', () => {
  it('share the free slots of the nodes, and do not place a task twice', async () => {
    const nodes = [await world.node('w1', { slots: 15 }), await world.node('w2', { slots: 15 })]
    const balancers = [await world.balancer('lb1', 2), await world.balancer('lb2', 2)]
    await together(balancers)
    const credits = await Promise.all(
      balancers.map(async (one) => figureOf(await one.page(), 'credits')),
    )
    // Each node has fifteen slots: the odd one belongs to one load balancer, and none is lost or used twice.
    expect(credits[0]! + credits[1]!).toBe(30)
    expect(Math.abs(credits[0]! - credits[1]!)).toBeLessThanOrEqual(2)

    const given = pointersOf(300)
    await world.issue(given, 'medium')
    const taken = () => nodes.flatMap((node) => node.taken)
    await eventually(() => {
      for (const node of nodes) node.finishAll()
      expect(new Set(taken().map(({ taskId }) => taskId)).size).toBe(300)
    })
    expect(taken()).toHaveLength(300)
    const by = (id: string) => taken().filter(({ balancer }) => balancer === id).length
    expect(by('lb1')).toBeGreaterThan(60)
    expect(by('lb2')).toBeGreaterThan(60)
  })

  it('lose no task when one of them dies: the other one takes all credits and gets the tasks that the dead load balancer held', async () => {
    const node = await world.node('w1', { slots: 10 })
    const balancers = [await world.balancer('lb1', 1), await world.balancer('lb2', 1)]
    await together(balancers)
    await balancers[0]!.kill()
    await eventually(async () => expect(figureOf(await balancers[1]!.page(), 'credits')).toBe(10))
    await world.issue(pointersOf(40), 'medium')
    await eventually(() => {
      node.finishAll()
      expect(new Set(node.taken.map(({ taskId }) => taskId)).size).toBe(40)
    })
  })
})

describe('a node that speaks for another node', () => {
  it('does not take the other node out of service by the answer to a dispatch (L9)', async () => {
    const liar = await world.node('w1', { slots: 10 })
    const other = await world.node('w2', { slots: 10 })
    await world.balancer('lb1', 2)
    liar.lie({ nodeId: 'w2', incarnation: Number.MAX_SAFE_INTEGER, draining: true })
    await world.issue(pointersOf(8), 'medium')
    await eventually(() => expect(liar.taken.length * other.taken.length).toBeGreaterThan(0))
    await eventually(() => {
      other.finishAll()
      expect(liar.taken.length + other.taken.length).toBe(8)
    })
    const before = other.taken.length
    await world.issue(pointersOf(12), 'medium')
    await eventually(() => {
      other.finishAll()
      expect(liar.taken.length + other.taken.length).toBe(20)
    })
    expect(other.taken.length).toBeGreaterThan(before)
  })
})

describe('the limit of a tenant', () => {
  it('is never exceeded by several load balancers together, and can be used completely', async () => {
    const nodes = [await world.node('w1', { slots: 50 }), await world.node('w2', { slots: 50 })]
    const allowances = new Map([['acme', { weight: 1, concurrency: 5 }]])
    const first = await world.balancer('lb1', 2, { allowances })
    await world.issue(pointersOf(60), 'medium')
    const running = () => nodes.reduce((sum, node) => sum + node.running(), 0)
    // A coordinator that answers from what it saw a moment ago, unless it is asked to look again.
    let questions = 0
    const coordinator = world.bus.on(CHANNELS.queues, async ({ fresh = false }) => {
      questions += 1
      const figures = { waiting: 0, inFlight: fresh ? running() : 0, retrying: 0 }
      const queues = [{ tenant: 'acme', priority: 'medium' as const, ...figures }]
      return { kind: 'queues', atMs: 0, queues }
    })
    await eventually(() => expect(running()).toBe(5))
    // Another one joins while the limit is full, and the first one is killed in the middle.
    const second = await world.balancer('lb2', 2, { allowances })
    await together([first, second])
    // Until both have counted what runs.
    const before = questions
    await eventually(() => expect(questions).toBeGreaterThan(before + 4))
    expect(running()).toBe(5)
    const done = () => new Set(nodes.flatMap(({ taken }) => taken.map(({ taskId }) => taskId))).size
    let most = 0
    let killed = false
    await eventually(async () => {
      most = Math.max(most, running())
      const busy = nodes.find((node) => node.running() > 0)
      busy?.finishOne()
      if (!killed && done() > 30) {
        killed = true
        await first.kill()
      }
      expect(done()).toBe(60)
    }, 60_000)
    expect(most).toBe(5)
    coordinator.close()
  })

  it('is not exceeded by tasks that are handed over while a request for pointers is open', async () => {
    const node = await world.node('w1')
    const allowances = new Map([['*', { weight: 1, concurrency: 3 }]])
    await world.balancer('lb1', 1, { allowances })
    // After a first pointer the load balancer has an open request for the next one.
    await world.issue(pointersOf(1), 'medium')
    await eventually(() => expect(node.running()).toBe(1))
    node.finishAll()
    const given = pointersOf(6)
    world.fresh(given.map((pointer) => ({ priority: 'medium', pointer }) as const))
    await eventually(async () => {
      const [queue] = await openPointerConsumers(world.bus).list()
      expect([node.running() >= 3, queue?.out]).toEqual([true, 1])
    })
    await announcements(3)
    let most = 0
    await eventually(() => {
      most = Math.max(most, node.running())
      node.finishOne()
      expect(new Set(node.taken.map(({ taskId }) => taskId)).size).toBe(7)
    })
    expect(most).toBe(3)
  })

  it('is not exceeded after a message that an earlier attempt has left the node to which the next attempt is on its way', async () => {
    const node = await world.node('w1')
    const allowances = new Map([['*', { weight: 1, concurrency: 1 }]])
    await world.balancer('lb1', 1, { allowances })
    const [first, second] = pointersOf(2, { reissue: true })
    const release = node.hold()
    await world.issue([first!], 'medium')
    await eventually(() => expect(node.dispatches).toHaveLength(1))
    // The earlier attempt ends before the node reads the dispatch.
    node.finish([first!.taskId])
    await announcements(1)
    release()
    await eventually(() => expect(node.running()).toBe(1))
    await world.issue([second!], 'medium')
    await announcements(3)
    expect(node.running()).toBe(1)
    node.finishAll()
    await eventually(() => expect(node.taken).toHaveLength(2))
  })

  it('is not exceeded by the tasks of a dead node, whose places waiting tasks have taken', async () => {
    const nodes = [await world.node('w1', { slots: 20 }), await world.node('w2', { slots: 20 })]
    const allowances = new Map([['*', { weight: 1, concurrency: 2 }]])
    await world.balancer('lb1', 2, { allowances })
    const given = pointersOf(2, { node: 'w1' }).map((pointer) => ({ ...pointer, reissue: true }))
    // Two tasks run on w1 already, and two wait in the queue.
    await world.issue(given, 'running')
    await eventually(() => expect(nodes[0]!.running()).toBe(2))
    const later = pointersOf(2)
    await world.issue(later, 'medium')
    const subjects = nodes[0]!.taken.map(({ ackSubject }) => ackSubject)
    await nodes[0]!.crash()
    world.snapshot({ w1: 'dead' })
    await eventually(() => expect(nodes[1]!.running()).toBe(2))
    // What recovery does with the pointers of a dead node.
    for (const subject of subjects) ack.giveBack(world.bus, subject)
    await announcements(3)
    let most = 0
    await eventually(() => {
      most = Math.max(most, nodes[1]!.running())
      nodes[1]!.finishOne()
      expect(new Set(nodes[1]!.taken.map(({ taskId }) => taskId)).size).toBe(4)
    })
    expect(most).toBe(2)
  })

  it('lets the next task start at once after the node of the only allowed task has died', async () => {
    const nodes = [await world.node('w1'), await world.node('w2')]
    const allowances = new Map([['*', { weight: 1, concurrency: 1 }]])
    await world.balancer('lb1', 2, { allowances })
    await world.issue(pointersOf(3), 'medium')
    const busy = await eventually(() => {
      const one = nodes.find((node) => node.running() === 1)
      expect(one).toBeDefined()
      return one!
    })
    const { ackSubject } = busy.taken[0]!
    await busy.crash()
    // What recovery does with the pointer of a dead node; the server counts it as out until it is fetched.
    ack.giveBack(world.bus, ackSubject)
    world.snapshot({ [busy.id]: 'dead' })
    const other = nodes.find((node) => node !== busy)!
    await eventually(() => {
      other.finishAll()
      expect(new Set(other.taken.map(({ taskId }) => taskId)).size).toBe(3)
    })
  })
})

describe('a load balancer that is drained', () => {
  it('does not lose a task: its queued tasks move to another load balancer at once, and every task without a pointer gets one', async () => {
    const node = await world.node('w1', { slots: 5 })
    const first = await world.balancer('lb1', 1)
    const given = pointersOf(20)
    await world.issue(given.slice(0, 10), 'medium')
    await eventually(() => expect(node.running()).toBe(5))
    const drained = first.drain()
    world.fresh(given.slice(10).map((pointer) => ({ priority: 'medium', pointer }) as const))
    await drained
    const farewell = { id: 'lb1', room: false, leaving: true }
    await eventually(() => expect(world.hints.at(-1)).toEqual(farewell))
    // Five tasks run under their pointers; all others are in the queue.
    await eventually(async () => expect((await world.pointers.taskIds()).size).toBe(20))
    const second = await world.balancer('lb2', 1)
    await eventually(() => {
      node.finishAll()
      expect(new Set(node.taken.map(({ taskId }) => taskId)).size).toBe(20)
    })
    expect(node.taken).toHaveLength(20)
    expect(figureOf(await second.page(), 'load_balancers')).toBe(1)
  })

  it('is no longer counted by the other load balancers', async () => {
    await world.node('w1', { slots: 10 })
    const balancers = [await world.balancer('lb1', 1), await world.balancer('lb2', 1)]
    await together(balancers)
    await balancers[0]!.drain()
    // This is before the other load balancers notice its silence.
    await eventually(
      async () => expect(figureOf(await balancers[1]!.page(), 'credits')).toBe(10),
      1_000,
    )
  })
})
