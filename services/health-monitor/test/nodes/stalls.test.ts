import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { namesOf, STALL_MS, startWorld, type World } from '../support.ts'

/** Nodes that send heartbeats without progress. */
let world: World
beforeAll(async () => {
  world = await startWorld({ settled: false })
})
afterAll(() => world[Symbol.asyncDispose]())

const working = { heard: 0, calling: 5, waiting: 0, stuckMs: 0, stallMs: 0 }

describe('a node that sends heartbeats without progress', () => {
  test('is avoided by load balancers when its main loop stalls, and is asked to drain when the stall lasts', async () => {
    const node = await world.node('hung')
    await world.until(() => world.last('hung')?.state === 'alive')
    node.say({ work: { ...working, stallMs: STALL_MS / 2 } })
    await world.nextSnapshots(4)
    expect(world.last('hung')?.state).toBe('alive')
    node.say({ work: { ...working, stallMs: 5_000 } })
    await world.until(() => world.last('hung')?.state === 'stalled')
    await world.until(() => node.drains() > 0)
    expect(world.decisionsOn('hung')).toEqual([
      ['avoid', 'main-loop'],
      ['drain', 'main-loop'],
    ])
    node.say({ work: working, active: 0 })
    await world.until(() => world.last('hung')?.state === 'alive')
    expect(world.decisionsOn('hung').at(-1)?.[0]).toBe('restore')
    expect(world.deathsOn('hung')).toEqual([])
  })

  test('is avoided and drained by one decision each although several monitors run, and is not declared dead', async () => {
    const busy = await Promise.all(namesOf('busy-', 3).map((id) => world.node(id)))
    for (const node of busy) node.work()
    const node = await world.node('gray')
    node.say({ active: 5, work: working })
    await world.until(() => world.last('gray')?.state === 'stalled')
    await world.until(() => node.drains() > 0)
    await world.nextSnapshots(4)
    expect(world.decisionsOn('gray')).toEqual([
      ['avoid', 'no-progress'],
      ['drain', 'no-progress'],
    ])
    expect(world.decisions.find(({ about }) => about === 'gray')).toMatchObject({
      service: 'health-monitor',
      acted: true,
      inputs: { calling: 5, active: 5 },
    })
    expect(busy.map(({ drains }) => drains())).toEqual([0, 0, 0])
    expect(world.deathsOn('gray')).toEqual([])
    await Promise.all([node, ...busy].map((one) => world.leave(one)))
  })

  test('is not avoided if its attempts wait for timers, or if the attempts of all nodes are stuck at the provider', async () => {
    const timers = await world.node('timers')
    timers.say({ active: 5, work: { ...working, calling: 0, waiting: 5 } })
    const nodes = await Promise.all(namesOf('mute-', 3).map((id) => world.node(id)))
    for (const node of nodes) node.say({ active: 5, work: working })
    const startedAtMs = performance.now()
    await world.until(() => performance.now() - startedAtMs > 2 * STALL_MS + 1_000)
    const shown = world.snapshots.at(-1)!.nodes.filter(({ state }) => state === 'stalled')
    expect(shown).toEqual([])
    expect([timers, ...nodes].map(({ drains }) => drains())).toEqual([0, 0, 0, 0])
    await Promise.all([timers, ...nodes].map((one) => world.leave(one)))
  })
})
