import { array, assert as check, constantFrom, integer, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { placesOf, type Balancers, type TenantCount } from '../../src/index.ts'

const among = (own: string, living: readonly string[]): Balancers => ({ own, living })
const countOf = (asked: Balancers, runs: Record<string, number> = {}): TenantCount => ({
  asked,
  runs: new Map(Object.entries(runs)),
  lived: new Set(asked.living),
})
const places = (limit: number, living: readonly string[], runs: Record<string, number> = {}) =>
  living.map((own) => {
    const now = among(own, living)
    return placesOf('acme', limit, countOf(now, runs), now)
  })
const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)

test('PLACE-1: load balancers that have the same counts of tasks in flight fill the limit of a tenant exactly', () => {
  check(
    property(integer({ min: 1, max: 50 }), integer({ min: 1, max: 7 }), (limit, count) => {
      const living = Array.from({ length: count }, (_, at) => `lb${at}`)
      expect(sum(places(limit, living))).toBe(limit)
    }),
  )
  expect(places(1, ['a', 'b', 'c']).toSorted((a, b) => a - b)).toEqual([0, 0, 1])
})

test('a limit of one task is assigned to one load balancer, and the limits of other tenants to other load balancers', () => {
  const now = among('a', ['a', 'b'])
  const own = new Set(
    ['t1', 't2', 't3', 't4'].map((tenant) => placesOf(tenant, 1, countOf(now), now)),
  )
  expect(own).toEqual(new Set([0, 1]))
})

test('PLACE-2: a load balancer starts no task of a tenant with a limit before it has the first count of tasks in flight', () => {
  expect(placesOf('acme', 9, undefined, among('a', ['a']))).toBe(0)
})

test('PLACE-2: after a load balancer has come and left, another one starts no task before its next count', () => {
  const alone = among('a', ['a'])
  const count = { ...countOf(alone), lived: new Set(['a', 'b']) }
  expect(placesOf('acme', 4, count, among('a', ['a', 'b']))).toBe(2)
  expect(placesOf('acme', 4, count, alone)).toBe(0)
})

test('tasks that a stopped load balancer has given to nodes still count towards the limit of their tenant', () => {
  expect(places(10, ['b'], { 'a-gone': 4 })).toEqual([6])
})

test('PLACE-3: if a load balancer has more tasks of a tenant in flight than its part of the limit, the other load balancers may start fewer', () => {
  const now = among('b', ['a', 'b'])
  expect(placesOf('acme', 10, countOf(now, { a: 8 }), now)).toBe(2)
})

/** One step of a fleet of load balancers, some of which come, go and count at any time. */
const step = record({
  kind: constantFrom('take', 'take', 'take', 'end', 'count', 'join', 'leave', 'restart'),
  at: integer({ min: 0, max: 99 }),
})

test('PLACE-2: the limit of a tenant is never exceeded while load balancers start, stop and restart', () => {
  check(
    property(integer({ min: 1, max: 12 }), array(step, { maxLength: 200 }), (limit, steps) => {
      let made = 1
      let living = ['lb0']
      const runs = new Map<string, number>()
      const counts = new Map<string, TenantCount & { lived: Set<string> }>()
      const held = (id: string): number => runs.get(id) ?? 0
      const join = (): void => {
        living = [...living, `lb${made++}`].toSorted()
      }
      for (const { kind, at } of steps) {
        const id = living[at % living.length] ?? ''
        const now = among(id, living)
        if (kind === 'take' && held(id) < placesOf('acme', limit, counts.get(id), now)) {
          runs.set(id, held(id) + 1)
        } else if (kind === 'end') {
          const given = [...runs].filter(([, count]) => count > 0)
          const ends = given[at % Math.max(1, given.length)]
          if (ends !== undefined) runs.set(ends[0], ends[1] - 1)
        } else if (kind === 'count') {
          counts.set(id, { runs: new Map(runs), asked: now, lived: new Set(living) })
        } else if (kind === 'join' && living.length < 5) join()
        else if (kind === 'leave' && living.length > 1) living = living.filter((one) => one !== id)
        else if (kind === 'restart') {
          living = living.filter((one) => one !== id)
          join()
        }
        for (const { lived } of counts.values()) for (const one of living) lived.add(one)
        expect(sum([...runs.values()])).toBeLessThanOrEqual(limit)
      }
    }),
    { numRuns: 2_000 },
  )
})
