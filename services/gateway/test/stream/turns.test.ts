import { manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createTurns } from '../../src/stream/turns.ts'

test('a viewer with little to read does not wait for viewers with much (L7)', async () => {
  const clock = manualClock()
  const turns = createTurns<{ readonly name: string }>(2, clock.monotonicMs)
  const large = [{ name: 'a' }, { name: 'b' }]
  const small = { name: 'small' }
  const order: string[] = []
  const work = (owner: { readonly name: string }, bytes: number) =>
    turns.run(owner, async () => {
      await new Promise(setImmediate)
      turns.count(owner, bytes)
      order.push(owner.name)
    })
  const all = large.flatMap((owner) => Array.from({ length: 50 }, () => work(owner, 100_000)))
  await Promise.all(all.slice(0, 2))
  await work(small, 1_000)
  expect(order.indexOf('small')).toBeLessThan(8)
  await Promise.all(all)
  expect(order).toHaveLength(101)
  // After a while the bytes of earlier turns no longer count.
  clock.advance(11_000)
  order.length = 0
  await Promise.all([work(large[0]!, 1), work(small, 1)])
  expect(order).toEqual(['a', 'small'])
})
