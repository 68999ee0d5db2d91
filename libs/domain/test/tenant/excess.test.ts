import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseEnds, cutToLevel } from '../../src/index.ts'

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

test('cuts free as much as has to be free, and leave an owner with less than another as much as it has (L7)', () => {
  const holdings = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat({ max: 100 }))
  fc.assert(
    fc.property(holdings, fc.nat({ max: 500 }), (amounts, excess) => {
      const held = new Map(Object.entries(amounts))
      const cuts = cutToLevel(held, excess)
      const all = [...held.values()].reduce((total, amount) => total + amount, 0)
      const freed = [...cuts.values()].reduce((total, amount) => total + amount, 0)
      expect(freed).toBeCloseTo(Math.min(excess, all), 6)
      for (const [owner, cut] of cuts) {
        const left = held.get(owner)! - cut
        expect(left).toBeGreaterThanOrEqual(-1e-9)
        for (const [other, amount] of held) {
          expect(amount - (cuts.get(other) ?? 0)).toBeLessThanOrEqual(left + 1e-9)
        }
      }
    }),
    { seed: 20_261_129, numRuns: 300 },
  )
})
