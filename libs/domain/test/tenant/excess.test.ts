import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseEnds } from '../../src/index.ts'

const sum = (places: readonly { readonly bytes: number }[]): number =>
  places.reduce((total, { bytes }) => total + bytes, 0)

test('an owner with many small places loses the largest of them before an owner with one larger place', () => {
  const places = [
    { owner: 'quiet', bytes: 50 },
    ...[1, 3, 2, 0, 40, 30].map((bytes) => ({ owner: 'busy', bytes })),
  ]
  expect(chooseEnds(places, 20).map(({ owner, bytes }) => [owner, bytes])).toEqual([['busy', 40]])
  expect(chooseEnds(places, 80).map(({ bytes }) => bytes)).toEqual([40, 50])
  expect(chooseEnds(places, 1_000).map(({ bytes }) => bytes)).toEqual([40, 50, 30, 3, 2, 1])
  expect(chooseEnds(places, 0)).toEqual([])
})

const places = fc.array(
  fc.record({ owner: fc.constantFrom('a', 'b', 'c'), bytes: fc.nat({ max: 100 }) }),
  { maxLength: 60 },
)

test('an owner that holds less than another owner loses nothing, and no more ends than has to (L7)', () => {
  fc.assert(
    fc.property(places, fc.nat({ max: 6_000 }), (all, excessBytes) => {
      const ended = chooseEnds(all, excessBytes)
      const held = (owner: string) => sum(all.filter((each) => each.owner === owner))
      const left = (owner: string) => {
        const lost = sum(ended.filter((each) => each.owner === owner))
        return held(owner) - lost
      }
      expect(sum(ended)).toBeGreaterThanOrEqual(Math.min(excessBytes, sum(all)))
      expect(sum(ended.slice(0, -1))).toBeLessThan(Math.max(1, excessBytes))
      for (const { owner } of ended) {
        for (const other of ['a', 'b', 'c']) {
          expect(left(other)).toBeLessThanOrEqual(held(owner))
        }
      }
    }),
    { seed: 20_261_129, numRuns: 300 },
  )
})
