import { LEVELS } from '@agentfleet/domain'
import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { medium, pointerOf, pointersOf, startWorld } from '../support.ts'

/** Which node a task goes to, and in which order tasks are served. */
let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => world.clear())
afterAll(() => world[Symbol.asyncDispose]())

describe('priorities', () => {
  it('with a backlog are served 6 : 3 : 1, so low priority is served next to a backlog of high priority', async () => {
    const node = await world.node('w1', { slots: 20 })
    // The load balancer learns of the queues as they get tasks; its first twenty have one priority.
    await world.balancer('lb1', 1)
    for (const level of LEVELS) {
      await world.issue(
        pointersOf(300).map((pointer) => ({
          ...pointer,
          spec: { ...pointer.spec!, priority: level },
        })),
        level,
      )
    }
    await eventually(() => {
      node.finishAll()
      expect(node.taken.length).toBeGreaterThan(400)
    })
    const served = (level: string) =>
      node.taken.slice(0, 400).filter(({ spec }) => spec?.priority === level).length
    expect(served('high')).toBeGreaterThan(served('medium'))
    expect(served('low')).toBeGreaterThan(20)
    expect(served('low')).toBeLessThan(80)
    expect(Math.abs(served('medium') - 120)).toBeLessThan(50)
  })
})

describe('an affinity key', () => {
  it('sends tasks to one node while the node has room, and to other nodes when the node is full', async () => {
    const nodes = [
      await world.node('w1', { slots: 40 }),
      await world.node('w2', { slots: 40 }),
      await world.node('w3', { slots: 40 }),
    ]
    await world.balancer('lb1', 3)
    const keyed = (count: number) => pointersOf(count, { affinityKey: 'talk-7' }).map(medium)
    world.fresh(keyed(20))
    await eventually(() => expect(nodes.reduce((sum, node) => sum + node.running(), 0)).toBe(20))
    const home = nodes.toSorted((a, b) => b.running() - a.running())[0]!
    // One task in a hundred tries another node, so that a better one can be found.
    expect(home.running()).toBeGreaterThanOrEqual(18)
    expect(home.taken.some(({ why }) => why.startsWith('affinity of 3 nodes'))).toBe(true)
    world.fresh(keyed(40))
    await eventually(() => expect(nodes.reduce((sum, node) => sum + node.running(), 0)).toBe(60))
    expect(home.running()).toBe(40)
  })
})

describe('a requirement class', () => {
  it('reserves resources for dispatched tasks before the figures of the node show these tasks', async () => {
    const nodes = [await world.node('w1', { slots: 8 }), await world.node('w2', { slots: 8 })]
    await world.balancer('lb1', 2)
    // Four units of eight each: two fit on a node, however they arrived.
    world.fresh(pointersOf(6, { cpu: 'high' }).map(medium))
    await eventually(() => expect(nodes.map((node) => node.running())).toEqual([2, 2]))
    // The remaining tasks wait in the queue until there is room.
    await eventually(async () =>
      expect((await world.pointers.taskIds()).size).toBeGreaterThanOrEqual(2),
    )
    nodes[0]?.finishAll()
    await eventually(() =>
      expect(new Set(nodes.flatMap(({ taken }) => taken.map((t) => t.taskId))).size).toBe(6),
    )
    expect(nodes.every((node) => node.heartbeat().reservedCpu! <= 8)).toBe(true)
  })

  it('sends light tasks, but no heavy tasks, to a node whose CPU is busy', async () => {
    const busy = await world.node('w1', { slots: 100 })
    const node = await world.node('w2', { slots: 100 })
    busy.say({ cpu: 0.95 })
    // Fuller than the busy node, which would be chosen otherwise.
    node.say({ active: 60 })
    await world.balancer('lb1', 2)
    world.fresh([medium(pointerOf({ cpu: 'high' })), medium(pointerOf({ cpu: 'low' }))])
    await eventually(() => expect(node.taken).toHaveLength(1))
    await eventually(() => expect(busy.taken).toHaveLength(1))
    expect(node.taken[0]?.spec?.cpu).toBe('high')
    expect(busy.taken[0]?.spec?.cpu).toBe('low')
  })
})

describe('a node', () => {
  it('that the health monitor reports as stalled gets no task, and gets only a few tasks at first when it recovers', async () => {
    const nodes = [
      await world.node('w1', { slots: 20 }),
      await world.node('w2', { slots: 20 }),
      await world.node('w3', { slots: 20 }),
    ]
    const balancer = await world.balancer('lb1', 3)
    const told = setInterval(() => world.snapshot({ w1: 'stalled' }), 200)
    await eventually(async () =>
      expect(await balancer.page()).toMatch(/nodes_eligible\S* 2$/m),
    ).finally(() => clearInterval(told))
    world.fresh(pointersOf(10).map(medium))
    await eventually(() =>
      expect(nodes.slice(1).reduce((sum, node) => sum + node.running(), 0)).toBe(10),
    )
    expect(nodes[0]?.taken).toEqual([])
    world.snapshot({ w1: 'alive', w2: 'alive', w3: 'alive' })
    await eventually(async () => expect(await balancer.page()).toMatch(/nodes_eligible\S* 3$/m))
    // At first a tenth of its twenty slots: two, although it is the emptiest node.
    world.fresh(pointersOf(20).map(medium))
    await eventually(() => expect(nodes.reduce((sum, node) => sum + node.running(), 0)).toBe(30))
    expect(nodes[0]?.running()).toBe(2)
  })

  it('that has just started gets tasks for a tenth of its slots at first', async () => {
    const warm = [
      await world.node('w1', { slots: 20 }),
      await world.node('w2', { slots: 20 }),
      await world.node('w3', { slots: 20 }),
    ]
    const fresh = await world.node('w4', { slots: 20, ageMs: 0 })
    await world.balancer('lb1', 4)
    world.fresh(pointersOf(40).map(medium))
    await eventually(() =>
      expect([...warm, fresh].reduce((sum, node) => sum + node.running(), 0)).toBe(40),
    )
    expect(fresh.running()).toBeGreaterThan(0)
    expect(fresh.running()).toBeLessThanOrEqual(4)
  })
})
