import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  admitStall,
  classifyProgress,
  expectsProgress,
  PROGRESS_LIMITS,
  stalledMax,
  type NodeWork,
} from '../../src/index.ts'

const NOW_MS = 1_000_000
const before = (ms: number): number => NOW_MS - ms

/** A node that has called providers for ten minutes and always got answers. */
const healthy: NodeWork = {
  nodeId: 'healthy',
  active: 20,
  waiting: 0,
  calling: 20,
  stuckMs: 0,
  stallMs: 0,
  responseMs: 2_000,
  sinceMs: before(600_000),
  heardAtMs: before(100),
  completedAtMs: before(500),
}
const others = [healthy, { ...healthy, nodeId: 'other' }]
/** The same, and nothing has progressed for 40 s. */
const still: NodeWork = {
  ...healthy,
  nodeId: 'still',
  heardAtMs: before(40_000),
  completedAtMs: before(40_000),
}

function classify(node: NodeWork, beside: readonly NodeWork[] = others) {
  const { kind, reason } = classifyProgress({ node, others: beside }, PROGRESS_LIMITS, NOW_MS)
  return `${kind}: ${reason}`
}

describe('a node is stalled', () => {
  test.each<[string, Partial<NodeWork>, string]>([
    ['its calls are silent and those of the others are not', {}, 'stalled: no-progress'],
    [
      'its reports are not answered and those of the others are',
      { calling: 0, stuckMs: 40_000, heardAtMs: before(35_000) },
      'stalled: no-progress',
    ],
    [
      'tokens come in, and nothing leaves it any more',
      { calling: 5, stuckMs: 40_000, heardAtMs: before(100) },
      'stalled: stuck-runs',
    ],
    ['its main loop stands still', { stallMs: 5_000 }, 'stalled: main-loop'],
  ])('when %s', (_, change, expected) => {
    expect(classify({ ...still, ...change })).toBe(expected)
  })

  test('when its main loop stands still, even if it is alone and idle', () => {
    expect(classify({ ...healthy, active: 0, calling: 0, stallMs: 6_000 }, [])).toBe(
      'stalled: main-loop',
    )
  })
})

describe('a node is not stalled', () => {
  test.each<[string, Partial<NodeWork>, string]>([
    ['it progresses', healthy, 'working: progress'],
    ['it stands still for less than the limit', { heardAtMs: before(29_000) }, 'working: progress'],
    ['attempts usually take longer', { responseMs: 20_000 }, 'working: progress'],
    ['it has nothing to do', { active: 0, calling: 0 }, 'working: nothing-due'],
    ['all it has waits for timers', { waiting: 20, calling: 0 }, 'working: nothing-due'],
    ['a call or two are silent', { active: 2, calling: 2 }, 'working: nothing-due'],
    ['its work has only just begun', { sinceMs: before(1_000) }, 'working: progress'],
    [
      'one report hangs and others get through',
      { calling: 5, stuckMs: 40_000, heardAtMs: before(100), completedAtMs: before(100) },
      'working: progress',
    ],
  ])('when %s', (_, change, expected) => {
    const slow = change.responseMs
    const beside = slow === undefined ? others : others.map((o) => ({ ...o, responseMs: slow }))
    expect(classify({ ...still, ...change }, beside)).toBe(expected)
  })

  test.each<[string, readonly NodeWork[]]>([
    ['the provider is stuck for all', [{ ...still, nodeId: 'a' }]],
    ['most of the others stand still too', [healthy, { ...still, nodeId: 'a' }, still, still]],
    ['the others have nothing to do', [{ ...still, nodeId: 'a', active: 0, calling: 0 }]],
    [
      'the others call no provider',
      [{ ...healthy, calling: 0, heardAtMs: before(60_000), completedAtMs: before(10) }],
    ],
    ['it is the only one', []],
  ])('when %s', (_, beside) => {
    expect(classify(still, beside)).toBe('working: others-still')
  })

  test('while no other node makes progress either, as long as the main loop of the node runs', () => {
    const work = fc.record({
      active: fc.nat(50),
      waiting: fc.nat(50),
      calling: fc.nat(50),
      stuckMs: fc.nat(200_000),
      responseMs: fc.nat(60_000),
      sinceMs: fc.integer({ min: 0, max: NOW_MS }),
      heardAtMs: fc.integer({ min: 0, max: before(100_000) }),
      completedAtMs: fc.integer({ min: 0, max: before(100_000) }),
    })
    const nodes = fc.array(work, { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(nodes, (all) => {
        const [node, ...rest] = all.map((one, n) => ({
          ...one,
          nodeId: String(n),
          stallMs: 0,
          // So usual an attempt that the least limit applies.
          responseMs: Math.min(one.responseMs, 10_000),
        }))
        expect(classify(node!, rest)).toMatch(/^working/)
      }),
    )
  })

  test('while any of its work progressed within the last half minute and nothing is stuck', () => {
    fc.assert(
      fc.property(fc.nat(29_999), fc.nat(50), fc.nat(50), (ms, calling, rest) => {
        const node = { ...still, active: calling + rest, calling, heardAtMs: before(ms) }
        expect(classify(node)).toMatch(/^working/)
      }),
    )
  })
})

test.each([
  [{ active: 0, waiting: 0, calling: 0 }, false],
  [{ active: 5, waiting: 5, calling: 0 }, false],
  [{ active: 2, waiting: 0, calling: 2 }, false],
  [{ active: 3, waiting: 0, calling: 3 }, true],
  [{ active: 5, waiting: 2, calling: 3 }, true],
  [{ active: 1, waiting: 0, calling: 0 }, true],
])('a node with the work %j is expected to make progress: %s', (work, expected) => {
  expect(expectsProgress(work, PROGRESS_LIMITS)).toBe(expected)
})

describe('admitStall', () => {
  test.each([
    [{ living: 6, stalled: 2, doubtful: false }, 'allow', 'within-a-third'],
    [{ living: 6, stalled: 3, doubtful: false }, 'withhold', 'mass-stall'],
    [{ living: 2, stalled: 1, doubtful: false }, 'allow', 'within-a-third'],
    [{ living: 1, stalled: 1, doubtful: false }, 'withhold', 'mass-stall'],
    [{ living: 6, stalled: 1, doubtful: true }, 'withhold', 'own-doubt'],
  ] as const)(
    'a fleet with the health %j leads to "%s" for the reason "%s"',
    (health, kind, reason) => {
      expect(admitStall(health)).toEqual({ kind, reason })
    },
  )

  test('allows at most a third of three or more nodes to count as stalled, and never the last node', () => {
    fc.assert(
      fc.property(fc.nat(1_000), (living) => {
        const most = stalledMax(living)
        expect(most).toBeLessThan(Math.max(1, living))
        if (living >= 3) expect(most).toBeLessThanOrEqual(living / 3)
      }),
    )
  })
})
