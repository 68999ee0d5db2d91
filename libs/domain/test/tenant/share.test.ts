import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decideShare } from '../../src/tenant/share.ts'

const CAPACITY = 10_000

test('the only tenant of a fleet may fill a store completely (SHARE-1)', () => {
  const last = { capacity: CAPACITY, used: CAPACITY - 1, own: CAPACITY - 1, ask: 1, tenants: 1 }
  expect(decideShare(last).kind).toBe('take')
})

test('a tenant may use half of what the other tenants leave free of a store', () => {
  const store = { capacity: CAPACITY, tenants: 3 }
  const alone = { ...store, used: 4_990, own: 4_990, ask: 10 }
  expect(decideShare(alone)).toEqual({ kind: 'take', reason: 'room' })
  expect(decideShare({ ...alone, ask: 11 })).toEqual({
    kind: 'refuse',
    reason: 'share',
    allowed: 5_000,
  })
  const beside = { ...store, used: 9_000, own: 2_000, ask: 1 }
  expect(decideShare(beside)).toEqual({ kind: 'refuse', reason: 'share', allowed: 1_500 })
})

test('a configured limit also applies to the only tenant of a fleet (SHARE-3)', () => {
  const asked = { capacity: undefined, used: 0, own: 0, ask: 6, limit: 5, tenants: 1 }
  expect(decideShare(asked)).toEqual({ kind: 'refuse', reason: 'limit', allowed: 5 })
  expect(decideShare({ ...asked, ask: 5 }).kind).toBe('take')
})

/** What tenants do: one of them takes some of the store, or gives all that it holds back. */
const steps = fc.array(
  fc.record({
    tenant: fc.integer({ min: 0, max: 3 }),
    ask: fc.integer({ min: 1, max: CAPACITY }),
    back: fc.boolean(),
  }),
  { maxLength: 200 },
)

test('a tenant that uses nothing of a store finds room in it, no matter how much the other tenants ask for (SHARE-2)', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const held = [0, 0, 0, 0, 0]
      const used = () => held.reduce((sum, each) => sum + each, 0)
      for (const { tenant, ask, back } of all) {
        const own = held[tenant]!
        if (back) held[tenant] = 0
        else if (
          decideShare({ capacity: CAPACITY, used: used(), own, ask, tenants: 5 }).kind === 'take'
        ) {
          held[tenant] = own + ask
        }
        // Four greedy tenants leave at least a sixteenth, of which the fifth may take half.
        const quiet = { capacity: CAPACITY, used: used(), own: 0, tenants: 5 }
        expect(decideShare({ ...quiet, ask: CAPACITY / 40 }).kind).toBe('take')
      }
    }),
    { seed: 20_261_128, numRuns: 300 },
  )
})
