import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createNewest } from '../../src/index.ts'

it('keeps the newest entries within its number and its bytes, whatever is set and deleted (L7)', () => {
  const step = fc.record({
    key: fc.nat({ max: 12 }),
    bytes: fc.nat({ max: 60 }),
    deletes: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const newest = createNewest<number, number>({ entriesMax: 5, bytesMax: 50 })
      for (const [at, { key, bytes, deletes }] of steps.entries()) {
        if (deletes) {
          newest.delete(key)
          expect(newest.get(key)).toBeUndefined()
          continue
        }
        const before = newest.get(key)
        const fits = newest.set(key, at, bytes)
        expect(fits).toBe(bytes <= 50)
        expect(newest.get(key)).toBe(fits ? at : before)
        expect(newest.bytes()).toBeLessThanOrEqual(50)
        expect(newest.size()).toBeLessThanOrEqual(5)
      }
      for (const [key] of newest.entries()) newest.delete(key)
      expect([newest.size(), newest.bytes()]).toEqual([0, 0])
    }),
  )
})

it('pushes out the entries that came first, and lets an entry that is set again keep its place', () => {
  const newest = createNewest<string, number>({ entriesMax: 3, bytesMax: 10 })
  for (const [at, key] of ['a', 'b', 'c', 'a', 'd'].entries()) newest.set(key, at, 1)
  expect([...newest.values()]).toEqual([1, 2, 4])
  newest.set('e', 5, 9)
  expect([...newest.values()]).toEqual([4, 5])
})

it('an owner with many or large entries pushes out its first ones, and none of an owner that holds less (L7)', () => {
  const owners = fc.constantFrom('busy', 'quiet', 'other')
  const step = fc.record({ owner: owners, bytes: fc.integer({ min: 1, max: 20 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const newest = createNewest<number, string>({ entriesMax: 9, bytesMax: 100 })
      for (const [at, { owner, bytes }] of steps.entries()) {
        const before = [...newest.entries()]
        newest.set(at, owner, bytes, owner)
        const after = new Map(newest.entries())
        const partOf = (name: string, all: Iterable<[number, string]>) => {
          const own = [...all].filter(([, each]) => each === name).map(([key]) => key)
          const size = own.reduce((sum, key) => sum + (steps[key]?.bytes ?? 0), 0)
          return Math.max(own.length / 9, size / 100)
        }
        for (const [key, name] of before) {
          if (after.has(key)) continue
          const most = Math.max(...['busy', 'quiet', 'other'].map((each) => partOf(each, after)))
          const held = partOf(name, [...before, [at, owner]])
          expect(held).toBeGreaterThanOrEqual(most - 1e-9)
        }
      }
    }),
  )
})
