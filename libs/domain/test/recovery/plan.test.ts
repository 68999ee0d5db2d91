import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { freeCredits, planRecovery } from '../../src/index.ts'

const strandedOf = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ taskId: `t${i}`, ackSubject: `a${i}` }))

describe('planRecovery', () => {
  test('returns every pointer of a dead node to its queue exactly once, in the order of the pointers', () => {
    fc.assert(
      fc.property(fc.nat(6_000), fc.nat(10_000), (count, credits) => {
        const stranded = strandedOf(count)
        expect(planRecovery(stranded, credits).flat()).toEqual(stranded)
      }),
      { numRuns: 50 },
    )
  })

  test('returns the pointers of suspect tasks, which may have killed nodes, after all other pointers', () => {
    const batches = planRecovery(strandedOf(4), 0, new Set(['t0', 't2']))
    expect(batches.flat().map(({ taskId }) => taskId)).toEqual(['t1', 't3', 't0', 't2'])
  })

  test('never needs more than three batches, and no batch is empty', () => {
    fc.assert(
      fc.property(fc.nat(6_000), fc.nat(10_000), (count, credits) => {
        const batches = planRecovery(strandedOf(count), credits)
        expect(batches.length).toBeLessThanOrEqual(3)
        expect(batches.every((batch) => batch.length > 0)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  test.each([
    [0, 100, []],
    [40, 0, [40]],
    [500, 0, [500]],
    [1_200, 0, [500, 500, 200]],
    [1_500, 700, [700, 700, 100]],
    [5_000, 100, [1_667, 1_667, 1_666]],
    [5_000, 5_000, [5_000]],
  ])(
    'returns %i pointers, while the fleet has %i free credits, in batches of %j',
    (count, credits, sizes) => {
      const batches = planRecovery(strandedOf(count), credits)
      expect(batches.map((batch) => batch.length)).toEqual(sizes)
    },
  )
})

describe('freeCredits', () => {
  const node = { state: 'alive' as const, draining: false, slots: 10, active: 4, queued: 1 }
  test('counts free slots of living nodes that do not drain', () => {
    expect(
      freeCredits([
        node,
        { ...node, active: 20 },
        { ...node, state: 'suspect' },
        { ...node, state: 'dead' },
        { ...node, draining: true },
      ]),
    ).toBe(5)
  })
})
