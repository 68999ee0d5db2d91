import { NODES_MAX } from '@agentfleet/domain'
import { CHANNELS, snapshotSchema, type Heartbeat } from '@agentfleet/protocol'
import { expect, test } from 'vitest'
import { createTally, runningOn, totalsOf } from '../../src/fleet/totals.ts'
import { createNodeTable } from '../../src/nodes/nodes.ts'

/** The largest values that a heartbeat may have. */
const largest = (nodeId: string): Heartbeat => ({
  nodeId,
  incarnation: Number.MAX_SAFE_INTEGER,
  version: Number.MAX_SAFE_INTEGER,
  slots: 100_000,
  active: 100_000_000_000,
  queued: 100_000_000_000,
  cpu: 1_000,
  memory: 1_000,
  memoryBytes: Number.MAX_SAFE_INTEGER,
  lagMs: 4e15,
  responseMs: 4e15,
  completed: 100_000_000_000,
  failed: 100_000_000_000,
  draining: false,
  startedAtMs: 8.64e15,
})

test('the monitor ignores further names of nodes when its table is full (L7)', () => {
  const nodes = createNodeTable()
  for (let at = 0; at < NODES_MAX + 10; at += 1) nodes.hear(largest(`n${at}`), at)
  expect([...nodes.all()]).toHaveLength(NODES_MAX)
})

test('a node that starts again with every heartbeat is replaced at most once a second (L9)', () => {
  const nodes = createNodeTable()
  let replaced = 0
  for (let at = 0; at < 100; at += 1) {
    const heartbeat = { ...largest('liar'), incarnation: at, startedAtMs: at }
    if (nodes.hear(heartbeat, at * 50).replaced !== undefined) replaced += 1
  }
  expect(replaced).toBe(4)
  expect(nodes.get('liar')?.heartbeat.incarnation).toBe(80)
})

test('a whole fleet with the largest values gives a snapshot that every service can read', () => {
  const tally = createTally()
  const nodes = Array.from({ length: NODES_MAX }, (_, at) => largest(`n${at}`))
  // Each node starts again and again under its name, and says that it has completed the most.
  for (let start = 1; start <= 20; start += 1) {
    for (const node of nodes) tally.count(undefined, { ...node, startedAtMs: start })
  }
  const listed = nodes.map((node) => ({ ...node, state: 'alive' as const, heartbeatAgeMs: 0 }))
  const running = runningOn(listed)
  const totals = totalsOf(listed, { queued: 0, running }, tally, 1)
  expect(totals.completed).toBe(Number.MAX_SAFE_INTEGER)
  const snapshot = { atMs: 1, monitorId: 'm', nodes: listed, queued: 0, running, totals }
  const read = snapshotSchema.safeParse(JSON.parse(JSON.stringify(snapshot)))
  expect(read.error?.issues ?? []).toEqual([])
})

test('a snapshot of as many nodes as the tables hold fits one message, whatever names and figures they send (L7)', () => {
  // No number of a report takes more characters.
  const long = 0.000_001_234_567_890_123_456_7
  const waits = { waiting: 1e11, stuckMs: long, stallMs: long }
  const work = { heard: 1e11, calling: 1e11, ...waits }
  const counts = { llmCalls: 1e11, throttled: 1e11, failedHere: 1e11 }
  const reserved = { reservedCpu: long, reservedMemory: long }
  const shares = { cpu: long, memory: long, lagMs: long, responseMs: long, startedAtMs: long }
  const shown = { state: 'stalled', heartbeatAgeMs: long, passing: false, flaps: 1e11 }
  const node = { ...largest('n'.repeat(48)), ...shares, ...counts, ...reserved, work, ...shown }
  const nodes = Array.from({ length: NODES_MAX }, () => node)
  const snapshot = { atMs: 8.64e15, monitorId: 'm'.repeat(128), nodes }
  // The totals of all nodes take the rest.
  expect(JSON.stringify(snapshot).length).toBeLessThan(CHANNELS.snapshot.bytesMax - 4_096)
})
