import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startWorld } from './support.ts'

type World = Awaited<ReturnType<typeof startWorld>>
let world: World
/** The target is 1.6 s; a test machine that does other things as well gets more. */
const DETECTED_MS = 2_500
const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => prefix + i)
const until = (holds: () => boolean, timeout = 5_000) =>
  vi.waitUntil(holds, { timeout, interval: 10 })
const verdictsOn = (nodeId: string) => world.verdicts.filter((given) => given.nodeId === nodeId)

/** Resolves once the monitor has shown, in two snapshots in a row, what it makes of the present. */
async function nextSnapshots(count: number) {
  const seen = world.snapshots.length
  await until(() => world.snapshots.length >= seen + count, 10_000)
}

beforeAll(async () => {
  world = await startWorld()
  await world.monitor('monitor-1')
  await world.monitor('monitor-2')
  // The fleet is large enough that one death is no mass illness.
  await Promise.all(ids('steady-', 6).map((id) => world.node(id)))
  await until(() => world.last('steady-5')?.state === 'alive')
  // A monitor that has just connected gives no verdicts.
  await nextSnapshots(14)
}, 300_000)

afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

describe('a death', () => {
  test('of a node whose connection is gone: one verdict, soon, whoever watches', async () => {
    const node = await world.node('crash')
    await until(() => world.last('crash')?.state === 'alive')
    const diedAtMs = await node.crash()
    await until(() => world.last('crash')?.state === 'dead')
    await nextSnapshots(4)
    const [verdict, ...more] = verdictsOn('crash')
    expect(more).toEqual([])
    expect(verdict).toMatchObject({ reason: 'connection-gone', incarnation: node.startedAtMs })
    expect(verdict!.seenAtMs - diedAtMs).toBeLessThan(DETECTED_MS)
  })

  test('of a node that is frozen with its connection open: one verdict, soon', async () => {
    const node = await world.node('frozen')
    await until(() => world.last('frozen')?.state === 'alive')
    const frozenAtMs = node.freeze()
    await until(() => world.last('frozen')?.state === 'dead')
    const [verdict] = verdictsOn('frozen')
    expect(verdict?.reason).toBe('ping-failed')
    expect(verdict!.seenAtMs - frozenAtMs).toBeLessThan(DETECTED_MS)
  })

  test('is not over while the same incarnation beats on, and the node is told', async () => {
    const node = await world.node('paused')
    await until(() => world.last('paused')?.state === 'alive')
    node.freeze()
    await until(() => world.last('paused')?.state === 'dead')
    node.resume()
    await world.monitor('late')
    const byLate = () => world.snapshots.filter(({ monitorId }) => monitorId === 'late')
    await until(() => byLate().length >= 2)
    const shown = world.snapshots
      .slice(-4)
      .map(({ nodes }) => nodes.find(({ nodeId }) => nodeId === 'paused'))
    expect(shown.map((node) => node?.state)).toEqual(['dead', 'dead', 'dead', 'dead'])
    await until(() => node.told() === node.startedAtMs)
    node.say({ incarnation: node.startedAtMs + 1 })
    await until(() => world.last('paused')?.state === 'alive')
    expect(verdictsOn('paused')).toHaveLength(1)
  })

  test('a process that restarted before anyone noticed leaves a verdict on the old one', async () => {
    const node = await world.node('fast')
    await until(() => world.last('fast')?.state === 'alive')
    const incarnation = node.startedAtMs + 5
    node.say({ incarnation, startedAtMs: incarnation })
    await until(() => verdictsOn('fast').length > 0)
    await nextSnapshots(2)
    expect(verdictsOn('fast')).toMatchObject([
      { reason: 'restarted', incarnation: node.startedAtMs },
    ])
    expect(world.last('fast')?.incarnation).toBe(incarnation)
  })
})

describe('no death', () => {
  test('a node that answers pings without beating stays suspect', async () => {
    const node = await world.node('mute')
    await until(() => world.last('mute')?.state === 'alive')
    node.silence()
    await until(() => (world.last('mute')?.beatAgeMs ?? 0) > 3_500)
    expect(world.last('mute')?.state).toBe('suspect')
    expect(verdictsOn('mute')).toEqual([])
    node.resume()
    await until(() => world.last('mute')?.state === 'alive')
  })

  test('a node that drained and left is forgotten without a verdict', async () => {
    const node = await world.node('drained')
    await until(() => world.last('drained')?.state === 'alive')
    node.say({ draining: true, active: 0, queued: 0 })
    await node.crash()
    await until(() => world.snapshots.length > 0 && world.last('drained') === undefined)
    await nextSnapshots(3)
    expect(verdictsOn('drained')).toEqual([])
  })

  test('a third of the fleet silent at once: verdicts wait until the illness is over', async () => {
    const nodes = await Promise.all(ids('mass-', 6).map((id) => world.node(id)))
    await until(() => world.last('mass-5')?.state === 'alive')
    const diedAtMs = performance.now()
    await Promise.all(nodes.map((node) => node.crash()))
    // Every one of them dies in the end; the verdict on the last is the end of this.
    await until(() => ids('mass-', 6).every((id) => verdictsOn(id).length > 0), 15_000)
    for (const id of ids('mass-', 6)) {
      expect(verdictsOn(id)[0]!.seenAtMs - diedAtMs).toBeGreaterThan(4_000)
    }
  })

  test('a broker that stands still for seconds and one that restarts kill nobody', async () => {
    const before = world.verdicts.length
    world.nats.kill('SIGSTOP')
    const stoppedAtMs = performance.now()
    await until(() => performance.now() - stoppedAtMs > 4_000)
    world.nats.kill('SIGCONT')
    await nextSnapshots(6)
    await world.nats.stop('SIGKILL')
    await world.nats.restart()
    await until(() => world.watcher.connected(), 10_000)
    await nextSnapshots(14)
    expect(world.verdicts.slice(before)).toEqual([])
    expect(world.last('steady-0')?.state).toBe('alive')
  })
})

test('the snapshot carries the backlog of the pointers', async () => {
  world.watcher.publish('tasks.medium.acme.t-1', '{}')
  await until(() => world.snapshots.at(-1)?.queued === 1)
  expect(world.snapshots.at(-1)?.backlogAtMs).toBeTypeOf('number')
})
