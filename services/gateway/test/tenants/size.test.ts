import fc from 'fast-check'
import { expect, test } from 'vitest'
import { roughBytes } from '../../src/tenants/size.ts'

test('the estimated size of a value is near the size of its JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const exact = JSON.stringify(value).length
      expect(roughBytes(value)).toBeLessThanOrEqual(7 * exact + 8)
      expect(roughBytes(value)).toBeGreaterThanOrEqual((exact - 8) / 7)
    }),
    { seed: 1, numRuns: 1_000 },
  )
})

test.each([
  [{ task: 'x'.repeat(10_000), model: 'sim' }, 10_031],
  [{ a: undefined }, 2],
  [[1, null, true], 20],
  [{ task: '€'.repeat(10_000) }, 30_016],
])('the estimated size of %.40j is %i bytes', (value, bytes) => {
  expect(Math.abs(roughBytes(value) - bytes)).toBeLessThan(10)
})
