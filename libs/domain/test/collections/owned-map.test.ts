import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createOwnedMap } from '../../src/index.ts'

const ENTRIES_MAX = 20

test('a value is found without its owner, and an owner without competition loses the value that it has not used for longest', () => {
  const map = createOwnedMap<number>(3)
  for (const n of [1, 2, 3]) map.set('a', `${n}`, n)
  map.use('1')
  // A value that is only looked at does not count as used.
  expect(map.get('2')).toBe(2)
  map.set('a', '4', 4)
  expect(['1', '2', '3', '4'].map((key) => map.get(key))).toEqual([1, undefined, 3, 4])
  map.delete('3')
  map.delete('unknown')
  expect([map.get('3'), map.count()]).toEqual([undefined, 2])
})

test('a value that two owners set counts for neither of them', () => {
  const map = createOwnedMap<string>(2)
  map.set('a', 'key', 'of a')
  map.set('b', 'key', 'of b')
  map.set('b', 'other', 'of b')
  expect(map.set('a', 'last', 'of a')).toEqual(['of b'])
  expect([...map.values()]).toEqual(['of b', 'of a'])
  expect(['key', 'other', 'last'].map((key) => map.get(key))).toEqual([undefined, 'of b', 'of a'])
})

const keys = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 400 })

test('an owner that keeps less than half of the map loses none of its values, no matter what another owner adds (L7)', () => {
  fc.assert(
    fc.property(keys, keys, (before, after) => {
      const map = createOwnedMap<number>(ENTRIES_MAX)
      const quiet = Array.from({ length: ENTRIES_MAX / 2 - 1 }, (_, at) => `q${at}`)
      for (const key of before) map.set('busy', `${key}`, key)
      for (const key of quiet) map.set('quiet', key, 1)
      for (const key of after) {
        map.set('busy', `${key}`, key)
        expect(map.count()).toBeLessThanOrEqual(ENTRIES_MAX)
        expect(map.get(`${key}`)).toBe(key)
      }
      for (const key of quiet) expect(map.get(key)).toBe(1)
    }),
    { seed: 20_261_129, numRuns: 300 },
  )
})

test('an owner that invents keys pushes out neither the values of a quiet owner nor those that several owners use (L7)', () => {
  const many = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200, size: 'max' })
  fc.assert(
    fc.property(many, many, (before, after) => {
      const map = createOwnedMap<string>(ENTRIES_MAX)
      for (const key of before) map.set('busy', `${key}`, 'busy')
      for (const owner of ['quiet', 'busy']) map.set(owner, 'of both', owner)
      for (const key of ['x', 'y', 'z']) map.set('quiet', key, key)
      for (const key of after) map.set('busy', `${key}`, 'busy')
      expect(map.count()).toBeLessThanOrEqual(ENTRIES_MAX)
      expect(['of both', 'x', 'y', 'z'].map(map.get)).toEqual(['busy', 'x', 'y', 'z'])
    }),
    { seed: 20_261_129, numRuns: 100 },
  )
})
