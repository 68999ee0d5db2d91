import type { Heartbeat, Snapshot } from '@agentfleet/protocol'
import { describe, expect, test } from 'vitest'
import { createTally, runningOn, totalsOf, waitingOf } from '../../src/fleet/totals.ts'

const heartbeat: Heartbeat = {
  nodeId: 'n',
  incarnation: 1,
  version: 1,
  slots: 10,
  active: 4,
  queued: 0,
  cpu: 0.5,
  memory: 0.25,
  memoryBytes: 1,
  lagMs: 0,
  responseMs: 100,
  completed: 5,
  failed: 1,
  draining: false,
  startedAtMs: 1,
}
const node: Snapshot['nodes'][number] = { ...heartbeat, state: 'alive', heartbeatAgeMs: 0 }

describe('the totals of completed and failed attempts', () => {
  test('grow by the increase of a known process and by all attempts of a new process', () => {
    const tally = createTally()
    tally.count(undefined, heartbeat)
    tally.count(heartbeat, { ...heartbeat, completed: 9, failed: 2 })
    tally.count(heartbeat, { ...heartbeat, startedAtMs: 2, completed: 3, failed: 0 })
    expect([tally.completed(), tally.failed()]).toEqual([12, 2])
  })

  test('never decrease, and start from the totals that another monitor has counted', () => {
    const tally = createTally()
    tally.count(heartbeat, { ...heartbeat, completed: 2 })
    expect(tally.completed()).toBe(0)
    tally.atLeast(100, 3)
    tally.atLeast(50, 1)
    expect([tally.completed(), tally.failed()]).toEqual([100, 3])
  })
})

test('a task waits until a living node has taken it, even if a load balancer holds its pointer', () => {
  const nodes: Snapshot['nodes'] = [node, { ...node, active: 2, state: 'stalled' }]
  const counted = { pointers: 20, running: runningOn([...nodes, { ...node, state: 'dead' }]) }
  expect(counted.running).toBe(6)
  expect(waitingOf(counted, 6)).toBe(14)
  // What began since the count no longer waits; what ended since then may have left its pointer.
  expect(waitingOf(counted, 9)).toBe(11)
  expect(waitingOf(counted, 1)).toBe(14)
  // A task that was handed over has no pointer at first.
  expect(waitingOf({ pointers: 3, running: 8 }, 8)).toBe(0)
})

test('one node with false figures cannot hide the backlog of the fleet (L9)', () => {
  const liar = { ...node, slots: 100_000, active: 100_000_000_000 }
  const nodes: Snapshot['nodes'] = [node, node, liar]
  const running = runningOn(nodes)
  expect(running).toBe(4 + 4 + 40)
  expect(waitingOf({ pointers: 1_000, running }, running)).toBe(952)
  const totals = totalsOf(nodes, { queued: 952, running }, createTally(), 42)
  expect(totals.slots).toBe(10 + 10 + 40)
})

test('totals have the slots of nodes that take work and the attempts of all living nodes', () => {
  const nodes: Snapshot['nodes'] = [
    node,
    { ...node, cpu: 0.1, draining: true, responseMs: 0 },
    { ...node, cpu: 0.6, state: 'stalled', responseMs: 300 },
    { ...node, cpu: 0.4, state: 'suspect', responseMs: 0 },
    { ...node, cpu: 9, state: 'dead' },
  ]
  const counts = { queued: 3, running: runningOn(nodes) }
  expect(totalsOf(nodes, counts, { completed: () => 7, failed: () => 1 }, 42)).toEqual({
    atMs: 42,
    activeNodes: 1,
    slots: 10,
    running: 16,
    queued: 3,
    cpu: 0.4,
    memory: 0.25,
    responseMs: 200,
    completed: 7,
    failed: 1,
  })
})
