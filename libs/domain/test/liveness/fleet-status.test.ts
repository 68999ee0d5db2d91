import { expect, test } from 'vitest'
import { fleetStatus } from '../../src/index.ts'

const node = { state: 'alive', draining: false, slots: 10, active: 4 }
const frozen = { ...node, state: 'suspect' }

test('the status of a fleet says whether work flows, how many nodes take tasks, and how many nodes are not alive', () => {
  const shown = (nodes: readonly (typeof node & { passing?: boolean })[], running = 4) => {
    const { status, explanation } = fleetStatus({ nodes, queued: 0, running }, 500)
    return `${status}: ${explanation}`
  }
  expect([
    shown([node, node]),
    shown([node], 0),
    shown([node, frozen]),
    shown([node, frozen, frozen], 0),
    shown([node, { ...node, draining: true }]),
    shown([{ ...node, active: 9 }]),
    shown([frozen]),
    shown([{ ...node, passing: false }]),
  ]).toEqual([
    'ok: Work flows: 2 of 2 nodes take tasks; 12 slots are free.',
    'ok: The fleet is ready and has no work: 1 of 1 nodes take tasks; 6 slots are free.',
    'degraded: Work flows, but 1 node is not alive: 1 of 2 nodes take tasks; 6 slots are free.',
    'degraded: The fleet is ready and has no work, but 2 nodes are not alive: 1 of 3 nodes take tasks; 6 slots are free.',
    'ok: Work flows: 1 of 2 nodes take tasks; 6 slots are free.',
    'ok: Work flows: 1 of 1 nodes take tasks; 1 slot is free.',
    'no-available-nodes: No node can take tasks now. Tasks that wait for a node: 0.',
    'no-available-nodes: No node can take tasks now. Living nodes that Consul does not list as healthy: 1. Tasks that wait for a node: 0.',
  ])
})
