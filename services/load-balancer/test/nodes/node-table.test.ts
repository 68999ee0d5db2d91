import { NODES_MAX } from '@agentfleet/domain'
import type { Heartbeat } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { createNodeTable } from '../../src/nodes/node-table.ts'

const heartbeat = (nodeId: string, change: Partial<Heartbeat> = {}): Heartbeat => ({
  nodeId,
  incarnation: 1,
  version: 1,
  slots: 4,
  active: 0,
  queued: 0,
  cpu: 0.1,
  memory: 0.1,
  memoryBytes: 1,
  lagMs: 0,
  responseMs: 0,
  completed: 0,
  failed: 0,
  draining: false,
  startedAtMs: 0,
  ...change,
})
const NOBODY = {
  ran() {},
  probed() {},
  restarted() {},
  gone() {},
  ejected: () => new Map<string, never>(),
}

test('the table of nodes ignores further names when it is full, and still follows the nodes that it knows (L7)', () => {
  const clock = { nowMs: () => 1_000, monotonicMs: () => 1_000 }
  const table = createNodeTable(clock, NOBODY)
  for (let at = 0; at < NODES_MAX + 10; at += 1) table.heartbeat(heartbeat(`n${at}`))
  expect(table.loads()).toHaveLength(NODES_MAX)
  table.heartbeat(heartbeat('n3', { version: 2, active: 2 }))
  expect(table.loads().find(({ id }) => id === 'n3')?.active).toBe(2)
})

test('a node that says it will start in the future counts as just started', () => {
  const clock = { nowMs: () => 1_000, monotonicMs: () => 50 }
  const table = createNodeTable(clock, NOBODY)
  table.heartbeat(heartbeat('future', { startedAtMs: 8.64e15 }))
  table.heartbeat(heartbeat('past', { startedAtMs: 0 }))
  expect(table.loads().map(({ upMs }) => upMs)).toEqual([0, 1_000])
})

test('how long a node has been up counts by its own clock, whatever the clock of the load balancer says', () => {
  const clock = { nowMs: () => 90_000_000, monotonicMs: () => 50 }
  const table = createNodeTable(clock, NOBODY)
  table.heartbeat(heartbeat('young', { startedAtMs: 1_000, atMs: 1_200 }))
  expect(table.loads()[0]?.upMs).toBe(200)
})

test('the time of a node is that of its last heartbeat and what has passed since then', () => {
  let passedMs = 0
  const table = createNodeTable({ nowMs: () => 7, monotonicMs: () => passedMs }, NOBODY)
  table.heartbeat(heartbeat('n1', { atMs: 5_000 }))
  table.heartbeat(heartbeat('older-release'))
  passedMs = 300
  expect(table.timeOf('n1')).toBe(5_300)
  expect([table.timeOf('older-release'), table.timeOf('unknown')]).toEqual([undefined, undefined])
  table.heartbeat(heartbeat('n1', { atMs: 4_000, version: 2 }))
  expect(table.timeOf('n1')).toBe(4_000)
})
