import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCompactingMap } from '../../src/index.ts'

function sameAsMap(steps: readonly (readonly ['set' | 'delete', number])[]): void {
  const ours = createCompactingMap<number, number>()
  const theirs = new Map<number, number>()
  for (const [at, [what, key]] of steps.entries()) {
    if (what === 'delete') {
      expect(ours.delete(key)).toBe(theirs.delete(key))
      continue
    }
    ours.set(key, at)
    theirs.set(key, at)
  }
  expect([...ours]).toEqual([...theirs])
  expect([...ours.keys()]).toEqual([...theirs.keys()])
  expect(ours.size).toBe(theirs.size)
  for (let key = 0; key <= 40; key += 1) {
    expect(ours.has(key)).toBe(theirs.has(key))
    expect(ours.get(key)).toBe(theirs.get(key))
  }
}

describe('a compacting map', () => {
  it('behaves like a Map, no matter how often it has moved its entries', () => {
    const steps = fc.array(
      fc.tuple(fc.constantFrom<'set' | 'delete'>('set', 'delete'), fc.nat({ max: 40 })),
      { maxLength: 400 },
    )
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 8 }), (some, times) => {
        sameAsMap(Array.from({ length: times }, () => some).flat())
      }),
    )
  })

  it('can be emptied during an iteration, and keeps the order of insertion after a move', () => {
    const map = createCompactingMap<number, string>()
    for (let key = 0; key < 2_000; key += 1) map.set(key, 'a')
    const seen: number[] = []
    for (const [key] of map) {
      seen.push(key)
      map.delete(key)
      if (key % 2 === 0) map.delete(key + 1)
    }
    expect(seen).toHaveLength(1_000)
    for (const key of [3, 1, 2]) map.set(key, 'b')
    expect([...map.keys()]).toEqual([3, 1, 2])
    map.clear()
    expect(map.size).toBe(0)
  })
})
