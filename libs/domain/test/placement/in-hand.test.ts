import { array, assert as check, constantFrom, integer, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { handRoom, inTurn, planHand, STUCK_PER_TENANT } from '../../src/index.ts'

const stuckPointer = record({
  pointer: record({
    tenant: constantFrom('a', 'b', 'c'),
    deadlineAtMs: integer({ min: 0, max: 20_000 }),
  }),
})

test('HELD-1 to HELD-3: when no node has room, a load balancer holds the oldest pointers of each tenant up to a limit and returns the others to their queues', () => {
  check(
    property(
      array(stuckPointer, { maxLength: 200 }),
      integer({ min: 0, max: 30_000 }),
      (stuck, nowMs) => {
        const { keep, back } = planHand(stuck, nowMs)
        expect(keep.length + back.length).toBe(stuck.length)
        for (const tenant of ['a', 'b', 'c']) {
          const own = stuck.filter(({ pointer }) => pointer.tenant === tenant)
          const living = own.filter(({ pointer }) => nowMs <= pointer.deadlineAtMs + 5_000)
          expect(keep.filter(({ pointer }) => pointer.tenant === tenant)).toEqual(
            living.slice(0, STUCK_PER_TENANT),
          )
        }
      },
    ),
  )
})

test("a load balancer that already holds pointers of a tenant fetches only as many more as this tenant's limit of held pointers allows", () => {
  expect(handRoom(0)).toBe(Infinity)
  expect(handRoom(3)).toBe(STUCK_PER_TENANT - 3)
  expect(handRoom(STUCK_PER_TENANT + 9)).toBe(0)
})

test("a load balancer first tries the tenant with the fewest tasks in flight for its weight, and keeps the order of each tenant's pointers", () => {
  const items = [
    { pointer: { tenant: 'crowd' }, id: 1 },
    { pointer: { tenant: 'crowd' }, id: 2 },
    { pointer: { tenant: 'crowd' }, id: 3 },
    { pointer: { tenant: 'quiet' }, id: 4 },
    { pointer: { tenant: 'quiet' }, id: 5 },
  ]
  const levels: Record<string, number> = { crowd: 25, quiet: 0 }
  const order = inTurn(items, (tenant) => ({ level: levels[tenant] ?? 0, step: 10 }))
  expect(order.map(({ id }) => id)).toEqual([4, 5, 1, 2, 3])
  const even = inTurn(items, () => ({ level: 0, step: 10 }))
  expect(even.map(({ id }) => id)).toEqual([1, 4, 2, 5, 3])
})
