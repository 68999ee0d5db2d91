import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keptByEach } from '../../src/tenant/kept-tasks.ts'

const rows: readonly (readonly [counts: readonly number[], most: number, each: number])[] = [
  [[], 10, Infinity],
  [[10], 10, Infinity],
  [[11], 10, 10],
  [[900, 20], 100, 80],
  [[900, 60], 100, 50],
  [[900, 20, 30, 700], 100, 26],
  [[5, 5, 5], 10, 3],
]

test.each(rows)('of %j tasks and %i places, each tenant keeps at most %d', (counts, most, each) => {
  expect(keptByEach(counts, most)).toBe(each)
})

test('all tenants together keep no more than the places, and a tenant with no more than an equal part keeps all (KEPT-1, KEPT-2, KEPT-3)', () => {
  const asks = [fc.array(fc.nat(1_000), { maxLength: 20 }), fc.nat(5_000)] as const
  fc.assert(
    fc.property(...asks, (counts, most) => {
      const each = keptByEach(counts, most)
      const kept = counts.map((count) => Math.min(count, each))
      const sum = (list: readonly number[]) => list.reduce((all, one) => all + one, 0)
      expect(sum(kept)).toBeLessThanOrEqual(most)
      // Only the rest of a division stays free.
      if (sum(counts) > most) expect(sum(kept)).toBeGreaterThan(most - counts.length)
      for (const count of counts)
        if (count * counts.length <= most) expect(count).toBeLessThanOrEqual(each)
    }),
    { seed: 20_261_129, numRuns: 500 },
  )
})
