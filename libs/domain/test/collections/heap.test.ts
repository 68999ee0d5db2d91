import { array, assert as check, integer, property, tuple } from 'fast-check'
import { expect, it } from 'vitest'
import { createHeap } from '../../src/collections/heap.ts'

it('a heap returns its values in their order, no matter in which order they came', () => {
  check(
    property(array(integer()), (values) => {
      const heap = createHeap<number>((a, b) => a < b)
      for (const value of values) heap.push(value)
      expect(heap.size()).toBe(values.length)
      const sorted = values.toSorted((a, b) => a - b)
      expect(heap.first()).toBe(sorted[0])
      expect(values.map(() => heap.pop())).toEqual(sorted)
      expect(heap.pop()).toBeUndefined()
    }),
  )
})

it('a heap keeps its order when values in it change or leave, and says where each value is', () => {
  const changes = array(tuple(integer({ min: 0, max: 19 }), integer({ min: -9, max: 9 })))
  check(
    property(changes, (all) => {
      const values = Array.from({ length: 20 }, (_, number) => ({ number, rank: 0, at: 0 }))
      const heap = createHeap<(typeof values)[number]>(
        (a, b) => (a.rank === b.rank ? a.number < b.number : a.rank < b.rank),
        (value, at) => (value.at = at),
      )
      for (const value of values) heap.push(value)
      const left = new Set(values)
      for (const [number, rank] of all) {
        const value = values[number]!
        if (!left.has(value)) continue
        expect([...heap.values()][value.at]).toBe(value)
        value.rank = rank
        if (rank < 9) heap.moved(value.at)
        else {
          heap.remove(value.at)
          left.delete(value)
        }
      }
      const sorted = [...left].toSorted((a, b) => a.rank - b.rank || a.number - b.number)
      expect(sorted.map(() => heap.pop())).toEqual(sorted)
      expect(heap.size()).toBe(0)
    }),
  )
})
