import { array, assert as check, integer, property } from 'fast-check'
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
