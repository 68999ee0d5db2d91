import { manualClock } from '@agentfleet/runtime'
import { expect, test } from 'vitest'
import { createTurns } from '../../src/stream/turns.ts'

interface Owner {
  readonly tenant: string
  readonly name: string
}
const ownerOf = (name: string, tenant = 't'): Owner => ({ tenant, name })

test('a viewer with little to read does not wait for viewers with much to read (L7)', async () => {
  const clock = manualClock()
  const turns = createTurns<Owner>(2, clock.monotonicMs)
  const large = [ownerOf('a'), ownerOf('b')]
  const small = ownerOf('small')
  const order: string[] = []
  const work = (owner: Owner, bytes: number) =>
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

test('a viewer with little to read does not wait for many viewers with much to read that have waited for seconds (L7)', async () => {
  const clock = manualClock()
  const turns = createTurns<Owner>(1, clock.monotonicMs)
  const crowd = Array.from({ length: 200 }, (_, at) => ownerOf(`large-${at}`))
  for (const owner of crowd) turns.count(owner, 4_000_000)
  clock.advance(15_000)
  const order: string[] = []
  const work = (owner: Owner) =>
    turns.run(owner, async () => {
      await new Promise(setImmediate)
      turns.count(owner, 100_000)
      order.push(owner.name)
    })
  const rest = crowd.map(work)
  const small = ownerOf('small')
  for (let page = 0; page < 5; page += 1) await work(small)
  expect(order.filter((name) => name !== 'small').length).toBeLessThan(10)
  await Promise.all(rest)
  clock.advance(3_600_000)
  turns.count(small, 1_000)
  const other = ownerOf('other')
  turns.count(other, 2_000)
  order.length = 0
  // Bytes that were given an hour ago no longer count.
  await Promise.all([work(crowd[0]!), work(other), work(small)])
  expect(order).toEqual(['large-0', 'small', 'other'])
})

test('a tenant with two hundred viewers gets no more turns than a tenant with one viewer that reads a long history (L7)', async () => {
  const turns = createTurns<Owner>(2, manualClock().monotonicMs)
  const order: string[] = []
  const work = (owner: Owner) =>
    turns.run(owner, async () => {
      await new Promise(setImmediate)
      turns.count(owner, 100_000)
      order.push(owner.tenant)
    })
  const crowd = Array.from({ length: 200 }, (_, at) => work(ownerOf(`viewer-${at}`, 'crowd')))
  const quiet = ownerOf('history', 'quiet')
  for (let page = 0; page < 20; page += 1) await work(quiet)
  expect(order.filter((tenant) => tenant === 'crowd').length).toBeLessThan(3 * 20)
  await Promise.all(crowd)
})
