import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ack } from '@agentfleet/adapters'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { namesOf, startWorld, type World } from '../support.ts'

/** The snapshots of the monitor. */
let world: World
beforeAll(async () => {
  world = await startWorld({ settled: false })
})
afterAll(() => world[Symbol.asyncDispose]())

describe('the snapshot of the fleet', () => {
  test('has the number of tasks that wait for a node and the totals of the cluster', async () => {
    // One for each task that the six nodes run, and one that a load balancer has fetched and gives back.
    for (const name of namesOf('t-', 7)) {
      world.watcher.publish(`tasks.medium.acme.${name}`, '{}')
    }
    const fetched = await world.fetchPointer({ tenant: 'acme', priority: 'medium' })
    await world.until(() => world.snapshots.at(-1)?.queued === 1)
    ack.giveBackLater(world.watcher, fetched)
    await world.nextSnapshots(4)
    expect(world.snapshots.at(-1)?.queued).toBe(1)
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

  test('contains for each node whether Consul lists it as passing', async () => {
    await world.until(() => world.last('steady-0')?.passing === false)
    // Answers the checks of Consul, which would otherwise list the node as failing after the first of them.
    const ready = createServer((_request, response) => response.end())
    await once(ready.listen(0, '127.0.0.1'), 'listening')
    const { port } = ready.address() as AddressInfo
    const entry = { id: 'steady-0', name: 'agent-worker', host: '127.0.0.1', port }
    const registration = await world.registry.register(entry)
    await world.until(() => world.last('steady-0')?.passing === true)
    expect(world.last('steady-1')?.passing).toBe(false)
    await registration.close()
    ready.close()
    await world.until(() => world.last('steady-0')?.passing === false)
  })

  test('still counts the attempts of nodes that have left the fleet', async () => {
    const before = world.snapshots.at(-1)!.totals!.completed
    const node = await world.node('hasty')
    node.say({ completed: 7 })
    await world.until(() => world.snapshots.at(-1)!.totals!.completed === before + 7)
    await world.leave(node)
    expect(world.snapshots.at(-1)!.totals!.completed).toBe(before + 7)
  })

  test('is published by one monitor at a time, and by another monitor after the first has died', async () => {
    // Two monitors that publish take turns.
    const primaries = () => new Set(world.snapshots.slice(-4).map(({ monitorId }) => monitorId))
    const first = await world.monitor('a-first')
    await world.until(() => primaries().size === 1 && primaries().has('a-first'))
    await first.stop()
    await world.until(() => primaries().size === 1 && !primaries().has('a-first'))
    expect(world.last('steady-0')?.state).toBe('alive')
  })

  test('has a history that a new monitor takes over', async () => {
    const bornAtMs = Date.now()
    await world.monitor('z-last')
    const ofLast = () => world.histories.filter(({ monitorId }) => monitorId === 'z-last')
    await world.until(() => (ofLast().at(-1)?.totals[0]?.atMs ?? Infinity) < bornAtMs)
    const times = ofLast()
      .at(-1)!
      .totals.map(({ atMs }) => atMs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })
})

test('the metrics of the health monitor show the cluster and each current node', async () => {
  const monitor = await world.monitor('metered')
  const node = await world.node('brief')
  const page = async () => (await monitor.page()).split('\n')
  const shows = async (start: string) => (await page()).some((line) => line.startsWith(start))
  const waitFor = async (start: string, wanted: boolean) =>
    vi.waitUntil(async () => (await shows(start)) === wanted, { timeout: 40_000, interval: 50 })
  await waitFor('fleet_node_state{node="brief"', true)
  for (const name of ['nodes_active', 'tasks_queued', 'tasks_running', 'node_cpu_mean']) {
    expect(await shows(`fleet_${name}{`)).toBe(true)
  }
  await world.leave(node)
  await waitFor('fleet_node_state{node="brief"', false)
})
