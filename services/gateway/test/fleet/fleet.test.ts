import type { Snapshot } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { fleetView } from '../../src/fleet/fleet.ts'
import { liveNode } from '../records.ts'

const node = liveNode({ active: 4 })
const snapshot: Snapshot = { atMs: 0, monitorId: 'm', nodes: [node], queued: 2, running: 4 }

test('a fleet whose nodes take tasks has the state `ok`, with a node that is not alive `degraded`, and the answer contains its figures', () => {
  const view = fleetView(snapshot, 500)
  expect(view).toMatchObject({ status: 'ok', queued: 2, running: 4 })
  expect(view.explanation).toContain('6 slots')
  const frozen = { ...node, nodeId: 'n2', state: 'suspect' } as const
  const degraded = fleetView({ ...snapshot, nodes: [node, frozen] }, 500)
  expect(degraded.status).toBe('degraded')
  expect(view.nodes[0]).toMatchObject({ id: 'n1', state: 'alive', cpu: 0.5, active: 4 })
})

test.each([
  { state: 'dead' },
  { state: 'suspect' },
  { state: 'stalled' },
  { draining: true },
] as const)('a fleet whose only node is %o has no available nodes', (change) => {
  const view = fleetView({ ...snapshot, nodes: [{ ...node, ...change }] }, 500)
  expect(view.status).toBe('no-available-nodes')
  expect(view.explanation).toContain('Tasks that wait for a node: 2.')
})

test('a living node that Consul does not list takes no tasks, and the fleet says so', () => {
  const unlisted = { ...node, passing: false }
  const view = fleetView({ ...snapshot, nodes: [unlisted] }, 500)
  expect(view.status).toBe('no-available-nodes')
  expect(view.explanation).toContain('Living nodes that Consul does not list as healthy: 1.')
  expect(view.nodes[0]).toMatchObject({ passing: false })
  const half = fleetView({ ...snapshot, nodes: [unlisted, { ...node, nodeId: 'n2' }] }, 500)
  expect(half).toMatchObject({ status: 'ok' })
  expect(half.explanation).toContain('1 of 2 nodes take tasks; 6 slots are free')
})

test('the gateway shows totals when the health monitor reports them', () => {
  const totals = {
    atMs: 1,
    activeNodes: 1,
    slots: 10,
    running: 4,
    queued: 2,
    cpu: 0.5,
    memory: 0.25,
  }
  const all = { ...totals, responseMs: 20, completed: 7, failed: 1 }
  expect(fleetView({ ...snapshot, totals: all }, 500).totals).toEqual(all)
  expect(fleetView(snapshot, 500)).not.toHaveProperty('totals')
})

test('the state of the fleet is `unknown` when the gateway has no recent snapshot', () => {
  expect(fleetView(undefined, 0).status).toBe('unknown')
  expect(fleetView(snapshot, 6_000)).toMatchObject({ status: 'unknown', queued: 2 })
})

test('the nodes as columns have the figures of the nodes as a list, in the order of the ids', () => {
  const nodes = [{ ...node, nodeId: 'n9' }, node]
  const [last, first] = fleetView({ ...snapshot, nodes }, 500).nodes
  const columns = fleetView({ ...snapshot, nodes }, 500, true)
  expect(columns.nodes).toEqual([])
  for (const [figure, values] of Object.entries(columns.nodeColumns ?? {}))
    expect(values).toEqual([first, last].map((each) => ({ ...each })[figure as 'id']))
  expect(Object.keys(columns.nodeColumns ?? {})).toHaveLength(13)
  expect(fleetView(undefined, 0, true).nodeColumns?.id).toEqual([])
})
