import { openOps } from '@agentfleet/adapters'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorld, type World } from '../support.ts'

/** The nodes that are declared dead, and those that are not. */
let world: World
beforeAll(async () => {
  world = await startWorld({ settled: true })
})
afterAll(() => world[Symbol.asyncDispose]())

describe('the death of a node', () => {
  test('is stored once for a node whose connection is gone, even if several monitors declare it', async () => {
    const node = await world.node('crash')
    await world.until(() => world.last('crash')?.state === 'alive')
    await node.crash()
    await world.until(() => world.last('crash')?.state === 'dead')
    await world.nextSnapshots(4)
    const [death, ...more] = world.deathsOn('crash')
    expect(more).toEqual([])
    expect(death).toMatchObject({ reason: 'connection-gone', incarnation: node.startedAtMs })
  })

  test('is stored once for a frozen node whose connection is open', async () => {
    const node = await world.node('frozen')
    await world.until(() => world.last('frozen')?.state === 'alive')
    node.freeze()
    await world.until(() => world.last('frozen')?.state === 'dead')
    await world.nextSnapshots(4)
    const [death, ...more] = world.deathsOn('frozen')
    expect(more).toEqual([])
    // After irregular heartbeats, as a busy machine gives them, the silence itself is enough before a ping counts.
    expect(death?.reason).toMatch(/^(ping-failed|silence)$/)
  })

  test('remains stored while the same incarnation sends heartbeats again, and the monitor tells the node that it was declared dead', async () => {
    const node = await world.node('paused')
    await world.until(() => world.last('paused')?.state === 'alive')
    node.freeze()
    await world.until(() => world.last('paused')?.state === 'dead')
    node.resume()
    await world.monitor('late')
    const byLate = () => world.snapshots.filter(({ monitorId }) => monitorId === 'late')
    await world.until(() => byLate().length >= 2)
    const shown = world.snapshots
      .slice(-4)
      .map(({ nodes }) => nodes.find(({ nodeId }) => nodeId === 'paused'))
    expect(shown.map((node) => node?.state)).toEqual(['dead', 'dead', 'dead', 'dead'])
    await world.until(() => node.told() === node.startedAtMs)
    node.say({ incarnation: node.startedAtMs + 1 })
    await world.until(() => world.last('paused')?.state === 'alive')
    expect(world.deathsOn('paused')).toHaveLength(1)
  })

  test('is stored for the old process if a node restarts before the monitor notices that it is silent', async () => {
    const node = await world.node('fast')
    await world.until(() => world.last('fast')?.state === 'alive')
    const incarnation = node.startedAtMs + 5
    node.say({ incarnation, startedAtMs: incarnation })
    await world.until(() => world.deathsOn('fast').length > 0)
    await world.nextSnapshots(2)
    expect(world.deathsOn('fast')).toMatchObject([
      { reason: 'restarted', incarnation: node.startedAtMs },
    ])
    expect(world.last('fast')?.incarnation).toBe(incarnation)
  })

  test('keeps no node away that starts again with a clock that is a day behind: the monitor tells the node which incarnation it has to exceed', async () => {
    const node = await world.node('behind')
    await world.until(() => world.last('behind')?.state === 'alive')
    const startedAtMs = node.startedAtMs - 86_400_000
    node.say({ incarnation: startedAtMs, startedAtMs })
    await world.until(() => node.told() === node.startedAtMs)
    node.say({ incarnation: node.startedAtMs + 1 })
    await world.until(() => world.last('behind')?.startedAtMs === startedAtMs)
    expect(world.last('behind')?.state).toBe('alive')
  })

  test('keeps no node away whose clock was a day ahead when it died: the monitor tells the next process which incarnation was declared dead', async () => {
    const incarnation = Date.now() + 86_400_000
    const death = { startedAtMs: incarnation, reason: 'connection-gone', phi: 9, silentMs: 1_500 }
    const process = { nodeId: 'mended', incarnation, state: 'dead' } as const
    await openOps(world.watcher).declareDead({ ...process, ...death, atMs: Date.now() })
    const node = await world.node('mended')
    await world.until(() => node.told() === incarnation)
    node.say({ incarnation: incarnation + 1 })
    await world.until(() => world.last('mended')?.state === 'alive')
  })
})

describe('no death is declared', () => {
  test('for a node that pauses three times for a second: the node becomes suspect and recovers', async () => {
    const node = await world.node('sleepy')
    await world.until(() => world.last('sleepy')?.state === 'alive')
    for (let pauses = 1; pauses <= 3; pauses += 1) {
      const frozenAtMs = node.freeze()
      await world.until(() => performance.now() - frozenAtMs > 1_000)
      node.resume()
      await world.nextSnapshots(2)
    }
    expect(world.deathsOn('sleepy')).toEqual([])
    await world.until(() => world.last('sleepy')?.state === 'alive')
  })

  test('for a node that answers pings but sends no heartbeats: the node stays suspect', async () => {
    const node = await world.node('mute')
    await world.until(() => world.last('mute')?.state === 'alive')
    node.silence()
    await world.until(() => (world.last('mute')?.heartbeatAgeMs ?? 0) > 3_500)
    expect(world.last('mute')?.state).toBe('suspect')
    expect(world.deathsOn('mute')).toEqual([])
    node.resume()
    await world.until(() => world.last('mute')?.state === 'alive')
  })

  test('for a node that drained and exited: the monitor removes the node', async () => {
    const node = await world.node('drained')
    await world.until(() => world.last('drained')?.state === 'alive')
    node.say({ draining: true, active: 0, queued: 0 })
    await node.crash()
    await world.until(() => world.snapshots.length > 0 && world.last('drained') === undefined)
    await world.nextSnapshots(3)
    expect(world.deathsOn('drained')).toEqual([])
  })
})
