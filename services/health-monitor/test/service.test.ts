import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { STALL_MS, startWorld } from './support.ts'

type World = Awaited<ReturnType<typeof startWorld>>
let world: World
/** The target is 1.6 s; a test machine that does other things as well gets more. */
const DETECTED_MS = 2_500
/** One that stands still could be one that pauses: the target is 3.35 s. */
const DETECTED_FROZEN_MS = 4_300
const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => prefix + i)
const until = (holds: () => boolean, timeout = 5_000) =>
  vi.waitUntil(holds, { timeout, interval: 10 })
const deathsOn = (nodeId: string) => world.deaths.filter((given) => given.nodeId === nodeId)

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
  // A monitor that has just connected gives no deaths.
  await nextSnapshots(14)
}, 300_000)

afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
})

describe('a death', () => {
  test('of a node whose connection is gone: one death, soon, whoever watches', async () => {
    const node = await world.node('crash')
    await until(() => world.last('crash')?.state === 'alive')
    const diedAtMs = await node.crash()
    await until(() => world.last('crash')?.state === 'dead')
    await nextSnapshots(4)
    const [death, ...more] = deathsOn('crash')
    expect(more).toEqual([])
    expect(death).toMatchObject({ reason: 'connection-gone', incarnation: node.startedAtMs })
    expect(death!.seenAtMs - diedAtMs).toBeLessThan(DETECTED_MS)
  })

  test('of a node that is frozen with its connection open: one death, soon', async () => {
    const node = await world.node('frozen')
    await until(() => world.last('frozen')?.state === 'alive')
    const frozenAtMs = node.freeze()
    await until(() => world.last('frozen')?.state === 'dead')
    const [death] = deathsOn('frozen')
    expect(death?.reason).toBe('ping-failed')
    expect(death!.seenAtMs - frozenAtMs).toBeLessThan(DETECTED_FROZEN_MS)
  })

  test('is not over while the same incarnation heartbeats on, and the node is told', async () => {
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
    expect(deathsOn('paused')).toHaveLength(1)
  })

  test('a process that restarted before anyone noticed leaves a death on the old one', async () => {
    const node = await world.node('fast')
    await until(() => world.last('fast')?.state === 'alive')
    const incarnation = node.startedAtMs + 5
    node.say({ incarnation, startedAtMs: incarnation })
    await until(() => deathsOn('fast').length > 0)
    await nextSnapshots(2)
    expect(deathsOn('fast')).toMatchObject([{ reason: 'restarted', incarnation: node.startedAtMs }])
    expect(world.last('fast')?.incarnation).toBe(incarnation)
  })
})

describe('no death', () => {
  test('a node that stands still for a second, again and again, is suspect at the worst', async () => {
    const node = await world.node('sleepy')
    await until(() => world.last('sleepy')?.state === 'alive')
    for (let pauses = 1; pauses <= 3; pauses += 1) {
      const frozenAtMs = node.freeze()
      await until(() => performance.now() - frozenAtMs > 1_000)
      node.resume()
      await nextSnapshots(2)
    }
    expect(deathsOn('sleepy')).toEqual([])
    await until(() => world.last('sleepy')?.state === 'alive')
  })

  test('a node that answers pings without beating stays suspect', async () => {
    const node = await world.node('mute')
    await until(() => world.last('mute')?.state === 'alive')
    node.silence()
    await until(() => (world.last('mute')?.heartbeatAgeMs ?? 0) > 3_500)
    expect(world.last('mute')?.state).toBe('suspect')
    expect(deathsOn('mute')).toEqual([])
    node.resume()
    await until(() => world.last('mute')?.state === 'alive')
  })

  test('a node that drained and left is forgotten without a death', async () => {
    const node = await world.node('drained')
    await until(() => world.last('drained')?.state === 'alive')
    node.say({ draining: true, active: 0, queued: 0 })
    await node.crash()
    await until(() => world.snapshots.length > 0 && world.last('drained') === undefined)
    await nextSnapshots(3)
    expect(deathsOn('drained')).toEqual([])
  })

  test('a third of the fleet silent at once: deaths wait until the illness is over', async () => {
    const nodes = await Promise.all(ids('mass-', 6).map((id) => world.node(id)))
    await until(() => world.last('mass-5')?.state === 'alive')
    const diedAtMs = performance.now()
    await Promise.all(nodes.map((node) => node.crash()))
    // Every one of them dies in the end; the death on the last is the end of this.
    await until(() => ids('mass-', 6).every((id) => deathsOn(id).length > 0), 15_000)
    for (const id of ids('mass-', 6)) {
      expect(deathsOn(id)[0]!.seenAtMs - diedAtMs).toBeGreaterThan(4_000)
    }
  })

  test('a broker that stands still for seconds and one that restarts kill nobody', async () => {
    const before = world.deaths.length
    world.nats.kill('SIGSTOP')
    const stoppedAtMs = performance.now()
    await until(() => performance.now() - stoppedAtMs > 4_000)
    world.nats.kill('SIGCONT')
    await nextSnapshots(6)
    await world.nats.stop('SIGKILL')
    await world.nats.restart()
    await until(() => world.watcher.connected(), 10_000)
    await nextSnapshots(14)
    expect(world.deaths.slice(before)).toEqual([])
    expect(world.last('steady-0')?.state).toBe('alive')
  })
})

const decisionsOn = (nodeId: string) =>
  world.decisions.filter(({ about }) => about === nodeId).map(({ kind, reason }) => [kind, reason])
const working = { heard: 0, calling: 5, waiting: 0, stuckMs: 0, stallMs: 0 }

describe('a node that heartbeats and does not progress', () => {
  test('by its main loop: load balancers avoid it, and it is asked to drain when it lasts', async () => {
    const node = await world.node('hung')
    await until(() => world.last('hung')?.state === 'alive')
    node.say({ work: { ...working, stallMs: STALL_MS / 2 } })
    await nextSnapshots(4)
    expect(world.last('hung')?.state).toBe('alive')
    node.say({ work: { ...working, stallMs: 5_000 } })
    await until(() => world.last('hung')?.state === 'stalled')
    await until(() => node.drains() > 0)
    expect(decisionsOn('hung')).toEqual([
      ['avoid', 'main-loop'],
      ['drain', 'main-loop'],
    ])
    node.say({ work: working, active: 0 })
    await until(() => world.last('hung')?.state === 'alive')
    expect(decisionsOn('hung').at(-1)?.[0]).toBe('restore')
    expect(deathsOn('hung')).toEqual([])
  })

  test('while others do: one decision, whoever watches, and no death', async () => {
    const busy = await Promise.all(ids('busy-', 3).map((id) => world.node(id)))
    for (const node of busy) node.work()
    const node = await world.node('gray')
    node.say({ active: 5, work: working })
    await until(() => world.last('gray')?.state === 'stalled', 10_000)
    await until(() => node.drains() > 0)
    await nextSnapshots(4)
    expect(decisionsOn('gray')).toEqual([
      ['avoid', 'no-progress'],
      ['drain', 'no-progress'],
    ])
    expect(world.decisions.find(({ about }) => about === 'gray')).toMatchObject({
      service: 'health-monitor',
      acted: true,
      inputs: { calling: 5, active: 5 },
    })
    expect(busy.map(({ drains }) => drains())).toEqual([0, 0, 0])
    expect(deathsOn('gray')).toEqual([])
    await Promise.all([node, ...busy].map((one) => leave(one)))
  })

  test('is left alone when it waits for timers, or when the provider is stuck for all', async () => {
    const timers = await world.node('timers')
    timers.say({ active: 5, work: { ...working, calling: 0, waiting: 5 } })
    const nodes = await Promise.all(ids('mute-', 3).map((id) => world.node(id)))
    for (const node of nodes) node.say({ active: 5, work: working })
    const startedAtMs = performance.now()
    await until(() => performance.now() - startedAtMs > 2 * STALL_MS + 1_000, 10_000)
    const shown = world.snapshots.at(-1)!.nodes.filter(({ state }) => state === 'stalled')
    expect(shown).toEqual([])
    expect([timers, ...nodes].map(({ drains }) => drains())).toEqual([0, 0, 0, 0])
    await Promise.all([timers, ...nodes].map((one) => leave(one)))
  })
})

/** Out of the way of the next test, without a death. */
async function leave(node: Awaited<ReturnType<World['node']>>) {
  node.say({ draining: true, active: 0, queued: 0 })
  await node.crash()
  await until(() => world.last(node.nodeId) === undefined)
}

describe('the snapshot', () => {
  test('carries the backlog of the pointers, and the totals of the cluster', async () => {
    world.watcher.publish('tasks.medium.acme.t-1', '{}')
    await until(() => world.snapshots.at(-1)?.queued === 1)
    const { backlogAtMs, totals, nodes, running } = world.snapshots.at(-1)!
    const living = nodes.filter(({ state }) => state !== 'dead')
    expect(backlogAtMs).toBeTypeOf('number')
    expect(totals).toMatchObject({
      queued: 1,
      running: living.reduce((sum, { active }) => sum + active, 0),
      activeNodes: living.filter(({ state, draining }) => state === 'alive' && !draining).length,
      cpu: 0.5,
      memory: 0.5,
    })
    expect(running).toBe(totals!.running)
  })

  test('counts what nodes completed also when they are gone', async () => {
    const before = world.snapshots.at(-1)!.totals!.completed
    const node = await world.node('hasty')
    node.say({ completed: 7 })
    await until(() => world.snapshots.at(-1)!.totals!.completed === before + 7)
    await leave(node)
    expect(world.snapshots.at(-1)!.totals!.completed).toBe(before + 7)
  })

  test('comes from one monitor at a time, and from the next when that one is gone', async () => {
    const primaries = () => new Set(world.snapshots.slice(-8).map(({ monitorId }) => monitorId))
    const first = await world.monitor('a-first')
    await until(() => primaries().size === 1 && primaries().has('a-first'), 10_000)
    await first.stop()
    await until(() => primaries().size === 1 && !primaries().has('a-first'), 10_000)
    expect(world.last('steady-0')?.state).toBe('alive')
  })

  test('has a history that a new monitor takes over', async () => {
    const bornAtMs = Date.now()
    await world.monitor('z-last')
    const ofLast = () => world.histories.filter(({ monitorId }) => monitorId === 'z-last')
    await until(() => (ofLast().at(-1)?.totals[0]?.atMs ?? Infinity) < bornAtMs, 30_000)
    const times = ofLast()
      .at(-1)!
      .totals.map(({ atMs }) => atMs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })
})

test('metrics show the cluster and each node, and no node that is gone', async () => {
  const monitor = await world.monitor('metered')
  const node = await world.node('brief')
  const page = async () => (await monitor.page()).split('\n')
  const shows = async (start: string) => (await page()).some((line) => line.startsWith(start))
  const waitFor = async (start: string, wanted: boolean) =>
    vi.waitUntil(async () => (await shows(start)) === wanted, { timeout: 10_000, interval: 50 })
  await waitFor('fleet_node_state{node="brief"', true)
  for (const name of ['nodes_active', 'tasks_queued', 'tasks_running', 'node_cpu_mean']) {
    expect(await shows(`fleet_${name}{`)).toBe(true)
  }
  await leave(node)
  await waitFor('fleet_node_state{node="brief"', false)
})
