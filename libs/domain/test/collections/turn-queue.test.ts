import { array, assert as check, constantFrom, property } from 'fast-check'
import { expect, it } from 'vitest'
import { createTurnQueue } from '../../src/collections/turn-queue.ts'

it('the first entry of an owner waits for at most one entry of each other owner, and further entries wait in proportion (L7)', () => {
  check(
    property(array(constantFrom('a', 'b', 'c')), (owners) => {
      const queue = createTurnQueue<number>()
      for (const [entry, owner] of owners.entries()) queue.add(owner, entry)
      const taken = owners.map(() => queue.take()!)
      expect(queue.take()).toBeUndefined()
      for (const [at, { owner, entry }] of taken.entries()) {
        const earlier = owners.slice(0, entry).filter((each) => each === owner).length
        expect(at).toBeLessThan(3 * (earlier + 1))
        expect(owners[entry]).toBe(owner)
        const own = taken.slice(0, at).filter((each) => each.owner === owner)
        expect(own.map((each) => each.entry)).toEqual(
          own.map((each) => each.entry).toSorted((a, b) => a - b),
        )
      }
    }),
  )
})

it('an entry that waits is not added twice, and a removed entry is not taken', () => {
  const queue = createTurnQueue<string>()
  for (const entry of ['x', 'x', 'y', 'z']) queue.add('a', entry)
  expect(queue.remove('a', 'y')).toBe(true)
  expect(queue.remove('b', 'z')).toBe(false)
  expect([queue.size(), queue.sizeOf('a'), queue.sizeOf('b')]).toEqual([2, 2, 0])
  expect([queue.take()?.entry, queue.take()?.entry, queue.take()]).toEqual(['x', 'z', undefined])
})

it('an owner that may not be served now keeps its turn and its entries', () => {
  const queue = createTurnQueue<string>()
  queue.add('a', 'first')
  queue.add('b', 'second')
  expect(queue.take((owner) => owner !== 'a')).toEqual({ owner: 'b', entry: 'second' })
  expect(queue.take((owner) => owner !== 'a')).toBeUndefined()
  expect(queue.take()).toEqual({ owner: 'a', entry: 'first' })
  queue.add('a', 'third')
  queue.clear()
  expect([queue.size(), queue.take()]).toEqual([0, undefined])
})
