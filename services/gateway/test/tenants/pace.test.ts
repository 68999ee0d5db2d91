import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createPace } from '../../src/tenants/pace.ts'

function setup(tenants: number) {
  const pace = createPace(() => tenants)
  const begun: string[] = []
  const ask = (tenant: string, name = tenant) => {
    const begin = () => void begun.push(name)
    if (pace.now(tenant)) begin()
    else pace.later(tenant, begin)
  }
  return { ask, begun }
}

test('the request of a tenant begins at once behind hundreds of another tenant, which begin in order in later turns of the event loop (L7)', async () => {
  const { ask, begun } = setup(2)
  for (let at = 0; at < 300; at += 1) ask('crowd', `${at}`)
  ask('quiet')
  expect(begun).toHaveLength(65)
  expect(begun.at(-1)).toBe('quiet')
  await nextTurn()
  // A tenant with more requests than may begin at once keeps their order.
  for (let at = 0; at < 100; at += 1) ask('other')
  ask('crowd', '300')
  expect(begun.filter((name) => name === 'other')).toHaveLength(64)
  for (let turns = 0; turns < 100 && begun.length < 402; turns += 1) await nextTurn()
  const crowd = begun.filter((name) => name !== 'other' && name !== 'quiet')
  expect(crowd).toEqual(Array.from({ length: 301 }, (_, at) => `${at}`))
  expect(begun).toHaveLength(402)
  const last = begun.lastIndexOf('other')
  expect(last).toBeLessThan(300)
})

test('the requests of the only tenant of a fleet begin at once', () => {
  const { ask, begun } = setup(1)
  for (let at = 0; at < 300; at += 1) ask('only')
  expect(begun).toHaveLength(300)
})
