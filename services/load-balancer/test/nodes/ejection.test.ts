import { eventually } from '@agentfleet/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { TestNode } from '../nodes.ts'
import { clockAhead, pointersOf, SOON_MS, startWorld } from '../support.ts'

/** Nodes whose own faults fail tasks: ejected, and returned to service. */
let world: Awaited<ReturnType<typeof startWorld>>
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => world.clear())
afterAll(() => world[Symbol.asyncDispose]())

const fresh = (count: number) =>
  world.fresh(pointersOf(count).map((pointer) => ({ priority: 'medium', pointer }) as const))
const ejectedOf = async (balancer: { page(): Promise<string> }): Promise<number> =>
  Number(/^fleet_nodes_ejected\S* (\d+)$/m.exec(await balancer.page())?.[1])
const threeNodes = async (): Promise<[TestNode, TestNode, TestNode]> => [
  await world.node('w1', { slots: 30 }),
  await world.node('w2', { slots: 30 }),
  await world.node('w3', { slots: 30 }),
]

describe('the ejection of a node', () => {
  it('begins after five failures of the node itself and ends with one probe task, and the load balancer records both', async () => {
    const [bad, ...good] = await threeNodes()
    const clock = clockAhead()
    const balancer = await world.balancer('lb1', 3, { clock })
    bad.say({ failedHere: 5, failed: 5 })
    await eventually(async () => expect(await ejectedOf(balancer)).toBe(1), SOON_MS)
    fresh(20)
    await eventually(
      () => expect(good.reduce((sum, node) => sum + node.running(), 0)).toBe(20),
      SOON_MS,
    )
    expect(bad.taken).toEqual([])
    await eventually(
      async () =>
        expect(await world.decisions()).toMatchObject([
          { kind: 'eject', reason: 'consecutive-failures', about: 'w1', by: 'lb1', acted: true },
        ]),
      SOON_MS,
    )

    // The first ejection lasts ten seconds plus or minus a fifth.
    clock.advance(12_500)
    await eventually(() => expect(good.every((node) => node.running() > 0)).toBe(true), SOON_MS)
    await eventually(() => {
      fresh(1)
      expect(bad.taken.length).toBeGreaterThan(0)
    }, SOON_MS)
    fresh(6)
    await eventually(
      () => expect(good.reduce((sum, node) => sum + node.taken.length, 0)).toBeGreaterThan(25),
      SOON_MS,
    )
    // One task decides whether the node returns; until then it gets no other.
    expect(bad.taken).toHaveLength(1)
    expect(bad.taken[0]?.why).toMatch(/^probe of 3 nodes/)
    bad.say({ completed: 1 })
    await eventually(async () => expect(await ejectedOf(balancer)).toBe(0), SOON_MS)
    await eventually(
      async () =>
        expect((await world.decisions()).map(({ kind, about }) => [kind, about])).toEqual([
          ['eject', 'w1'],
          ['restore', 'w1'],
        ]),
      SOON_MS,
    )
  })

  it('never follows from failures of an LLM provider', async () => {
    const [unlucky] = await threeNodes()
    const balancer = await world.balancer('lb1', 3)
    unlucky.say({ failed: 500, failedHere: 0, completed: 1, throttled: 400 })
    fresh(30)
    await eventually(() => expect(unlucky.running()).toBeGreaterThan(5), SOON_MS)
    expect(await ejectedOf(balancer)).toBe(0)
    expect(await world.decisions()).toEqual([])
  })

  it('applies to a third of the nodes at most: of three failing nodes, two stay in service', async () => {
    const nodes = await threeNodes()
    const balancer = await world.balancer('lb1', 3)
    for (const node of nodes) node.say({ failedHere: 9, failed: 9 })
    await eventually(async () => expect(await world.decisions()).toHaveLength(3), SOON_MS)
    expect(await ejectedOf(balancer)).toBe(1)
    const decisions = await world.decisions()
    expect(decisions.filter(({ acted }) => acted)).toHaveLength(1)
    fresh(20)
    await eventually(
      () => expect(nodes.reduce((sum, node) => sum + node.running(), 0)).toBe(20),
      SOON_MS,
    )
    expect(nodes.filter((node) => node.running() > 0)).toHaveLength(2)
  })

  it('never applies to the only node', async () => {
    const node = await world.node('w1')
    const balancer = await world.balancer('lb1', 1)
    node.say({ failedHere: 50, failed: 50 })
    fresh(3)
    await eventually(() => expect(node.running()).toBe(3), SOON_MS)
    expect(await ejectedOf(balancer)).toBe(0)
  })

  it('is recorded as one decision, even if two load balancers eject the same node', async () => {
    const [bad] = await threeNodes()
    const balancers = [await world.balancer('lb1', 3), await world.balancer('lb2', 3)]
    bad.say({ failedHere: 5, failed: 5 })
    for (const balancer of balancers) {
      await eventually(async () => expect(await ejectedOf(balancer)).toBe(1), SOON_MS)
    }
    await eventually(async () => expect(await world.decisions()).toHaveLength(1), SOON_MS)
    // After one round trip the server has refused the second record.
    await world.bus.roundTrip(SOON_MS)
    expect(await world.decisions()).toHaveLength(1)
  })
})
