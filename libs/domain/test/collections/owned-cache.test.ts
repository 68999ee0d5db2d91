import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createOwnedCache } from '../../src/index.ts'

const ENTRIES_MAX = 20
const SIZE_MAX = 200

test('an owner without competition fills the whole cache, and then loses the entry that it has not used for longest', () => {
  const cache = createOwnedCache<number>({ entriesMax: 3, sizeMax: 100 })
  for (const n of [1, 2, 3]) cache.set('a', `${n}`, n, 1)
  expect(cache.get('a', '1')).toBe(1)
  expect(cache.set('a', '4', 4, 1)).toEqual([2])
  expect(['1', '2', '3', '4'].map((key) => cache.get('a', key))).toEqual([1, undefined, 3, 4])
})

test('an entry that is larger than the whole cache is not kept, and takes nothing from the others', () => {
  const cache = createOwnedCache<number>({ entriesMax: 3, sizeMax: 10 })
  cache.set('a', 'small', 1, 1)
  expect(cache.set('b', 'large', 2, 11)).toEqual([2])
  expect([cache.get('a', 'small'), cache.get('b', 'large')]).toEqual([1, undefined])
})

/** What two tenants do, with values that come again, vanish and differ in size. */
const steps = fc.array(
  fc.record({ key: fc.integer({ min: 0, max: 500 }), size: fc.integer({ min: 1, max: 250 }) }),
  { maxLength: 400 },
)

test('a tenant that keeps less than half of the cache loses none of its entries, no matter what another tenant adds (L7)', () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 400 }), (all, startedAt) => {
      const cache = createOwnedCache<number>({ entriesMax: ENTRIES_MAX, sizeMax: SIZE_MAX })
      const quiet = Array.from({ length: ENTRIES_MAX / 2 - 1 }, (_, at) => `${at}`)
      for (const [at, { key, size }] of all.entries()) {
        if (at === Math.min(startedAt, all.length - 1)) {
          for (const each of quiet) cache.set('quiet', each, 1, SIZE_MAX / ENTRIES_MAX)
        }
        cache.set('busy', `${key}`, key, size)
        expect(cache.count()).toBeLessThanOrEqual(ENTRIES_MAX)
        expect(cache.size()).toBeLessThanOrEqual(SIZE_MAX)
      }
      if (all.length > 0) {
        for (const each of quiet) expect(cache.get('quiet', each)).toBe(1)
      }
    }),
    { seed: 20_261_129, numRuns: 300 },
  )
})

const uses = fc.array(
  fc.record({
    owner: fc.constantFrom('a', 'b', 'c', 'd'),
    key: fc.integer({ min: 0, max: 12 }),
    size: fc.integer({ min: 1, max: 40 }),
    kind: fc.constantFrom('set', 'set', 'get', 'delete'),
  }),
  { maxLength: 200 },
)

test('what leaves a full cache is always the oldest entry of the owner that holds most at that moment', () => {
  fc.assert(
    fc.property(uses, (all) => {
      const cache = createOwnedCache<string>({ entriesMax: ENTRIES_MAX, sizeMax: SIZE_MAX })
      /** In order of use. */
      let entries: { owner: string; name: string; size: number }[] = []
      const partOf = (owner: string) => {
        const own = entries.filter((each) => each.owner === owner)
        const sum = own.reduce((total, { size }) => total + size, 0)
        return Math.max(own.length / ENTRIES_MAX, sum / SIZE_MAX)
      }
      for (const { owner, key, size, kind } of all) {
        const name = `${owner}${key}`
        const known = entries.find((each) => each.name === name)
        if (known !== undefined) entries = entries.filter((each) => each !== known)
        if (kind === 'delete') cache.delete(owner, name)
        if (kind === 'get') {
          expect(cache.get(owner, name)).toBe(known?.name)
          if (known !== undefined) entries.push(known)
        }
        if (kind !== 'set') continue
        entries.push({ owner, name, size })
        for (const left of cache.set(owner, name, name, size)) {
          const leaving = entries.find((each) => each.name === left)!
          const most = Math.max(...entries.map((each) => partOf(each.owner)))
          expect(partOf(leaving.owner)).toBe(most)
          expect(entries.find((each) => each.owner === leaving.owner)).toBe(leaving)
          entries = entries.filter((each) => each !== leaving)
        }
        expect(cache.count()).toBe(entries.length)
        expect(cache.size()).toBeLessThanOrEqual(SIZE_MAX)
      }
    }),
    { seed: 20_261_129, numRuns: 300 },
  )
})
