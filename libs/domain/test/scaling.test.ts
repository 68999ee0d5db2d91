import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decideScale,
  nodesWanted,
  SCALE_LIMITS,
  selectVictims,
  wantedWithin,
  type ClusterSnapshot,
} from '../src/index.ts'

const limits = SCALE_LIMITS
const calm: ClusterSnapshot = {
  nodes: 4,
  draining: 0,
  slotsPerNode: 100,
  running: 300,
  queued: 0,
  changedAtMs: 0,
  wantedMax: 0,
  complete: true,
}
const NOW_MS = 1_000_000

const anyCluster = fc.record({
  nodes: fc.nat(25),
  draining: fc.nat(3),
  slotsPerNode: fc.nat(200),
  running: fc.nat(5_000),
  queued: fc.nat(100_000),
  changedAtMs: fc.integer({ min: 0, max: NOW_MS }),
  wantedMax: fc.oneof(fc.nat(20), fc.constant(Infinity)),
  complete: fc.boolean(),
})

describe('decideScale', () => {
  test.each([
    [{}, 'hold', 4, 'on-target'],
    [{ running: 341 }, 'scale-out', 5, 'demand'],
    [{ queued: 400 }, 'scale-out', 8, 'demand'],
    [{ queued: 100_000 }, 'scale-out', 8, 'demand'],
    [{ nodes: 8, queued: 100_000 }, 'scale-out', 16, 'demand'],
    [{ nodes: 16, queued: 100_000 }, 'scale-out', 20, 'demand'],
    [{ nodes: 1, complete: false }, 'scale-out', 2, 'below-minimum'],
    [{ complete: false, running: 0 }, 'hold', 4, 'figures-missing'],
    [{ complete: false, queued: 10_000 }, 'hold', 4, 'figures-missing'],
    [{ slotsPerNode: 0 }, 'hold', 4, 'figures-missing'],
    [{ running: 10 }, 'scale-in', 3, 'idle-capacity'],
    [{ running: 10, wantedMax: 4 }, 'hold', 4, 'recent-demand'],
    [{ running: 10, wantedMax: Infinity }, 'hold', 4, 'recent-demand'],
    [{ running: 10, draining: 1 }, 'hold', 4, 'draining'],
    [{ running: 10, changedAtMs: NOW_MS - 59_999 }, 'hold', 4, 'cooldown'],
    [{ running: 10, changedAtMs: NOW_MS - 60_000 }, 'scale-in', 3, 'idle-capacity'],
    [{ nodes: 22, running: 2_000 }, 'scale-in', 21, 'idle-capacity'],
  ] as const)('with %j: %s to %i (%s)', (change, kind, nodes, reason) => {
    expect(decideScale({ ...calm, ...change }, limits, NOW_MS)).toEqual({ kind, nodes, reason })
  })

  test('the count agrees with the kind, stays within the limits and changes in bounded steps', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const { kind, nodes, reason } = decideScale(cluster, limits, NOW_MS)
        expect(reason).not.toBe('')
        if (kind === 'hold') expect(nodes).toBe(cluster.nodes)
        if (kind === 'scale-out') {
          expect(nodes).toBeGreaterThan(cluster.nodes)
          expect(nodes).toBeLessThanOrEqual(limits.nodesMax)
          expect(nodes - cluster.nodes).toBeLessThanOrEqual(Math.max(4, cluster.nodes))
        }
        if (kind === 'scale-in') {
          expect(nodes).toBe(cluster.nodes - 1)
          expect(nodes).toBeGreaterThanOrEqual(limits.nodesMin)
        }
      }),
    )
  })

  test('missing figures never shrink a fleet', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const decision = decideScale({ ...cluster, complete: false }, limits, NOW_MS)
        expect(decision.kind).not.toBe('scale-in')
      }),
    )
  })

  test('a fleet is never shrunk below what is needed now', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const decision = decideScale(cluster, limits, NOW_MS)
        if (decision.kind !== 'scale-in') return
        expect(decision.nodes).toBeGreaterThanOrEqual(nodesWanted(cluster, limits))
      }),
    )
  })

  test('acting on a decision and deciding again never turns around', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const first = decideScale(cluster, limits, NOW_MS)
        const after = { ...cluster, nodes: first.nodes, changedAtMs: NOW_MS }
        const second = decideScale(after, limits, NOW_MS)
        if (first.kind === 'scale-out') expect(second.kind).not.toBe('scale-in')
        if (first.kind === 'scale-in') expect(second.kind).toBe('hold')
      }),
    )
  })
})

describe('wantedWithin', () => {
  const wishes = [
    { atMs: 0, nodes: 9 },
    { atMs: 60, nodes: 3 },
    { atMs: 100, nodes: 5 },
  ]
  test.each([
    [[], 100, Infinity],
    [wishes, 99, Infinity],
    [wishes, 100, 9],
    [wishes, 101, 5],
    [wishes, 161, 5],
    [wishes, 201, 0],
  ])('of %j at %i: %f', (given, nowMs, expected) => {
    expect(wantedWithin(given, 100, nowMs)).toBe(expected)
  })
})

describe('selectVictims', () => {
  const node = fc.record({
    id: fc.string({ minLength: 1, maxLength: 6 }),
    active: fc.nat(5),
    startedAtMs: fc.nat(5),
  })
  const nodes = fc.uniqueArray(node, { selector: ({ id }) => id, maxLength: 12 })

  test('takes the least busy, newest first among equals', () => {
    const given = [
      { id: 'a', active: 2, startedAtMs: 1 },
      { id: 'b', active: 0, startedAtMs: 1 },
      { id: 'c', active: 0, startedAtMs: 2 },
    ]
    expect(selectVictims(given, 2)).toEqual(['c', 'b'])
    expect(selectVictims(given, 0)).toEqual([])
    expect(selectVictims(given, -1)).toEqual([])
  })

  test('the same nodes give the same victims in whatever order they come', () => {
    fc.assert(
      fc.property(nodes, fc.nat(5), (given, count) => {
        expect(selectVictims([...given].reverse(), count)).toEqual(selectVictims(given, count))
      }),
    )
  })

  test('no node that stays is less busy than one that goes', () => {
    fc.assert(
      fc.property(nodes, fc.nat(12), (given, count) => {
        const gone = new Set(selectVictims(given, count))
        expect(gone.size).toBe(Math.min(count, given.length))
        for (const victim of given.filter(({ id }) => gone.has(id))) {
          for (const stays of given.filter(({ id }) => !gone.has(id))) {
            expect(stays.active).toBeGreaterThanOrEqual(victim.active)
          }
        }
      }),
    )
  })
})
