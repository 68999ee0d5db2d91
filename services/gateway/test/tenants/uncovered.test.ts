import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createUncovered } from '../../src/tenants/uncovered.ts'

const TENANTS = ['busy', 'quiet']
const BYTES = 100

/** One event: a submission begins, the log stores or refuses one that is under way, or a coordinator announces. */
const histories = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ enters: fc.constantFrom(...TENANTS) }) },
    { weight: 4, arbitrary: fc.record({ ends: fc.nat(1_000), stored: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ reads: fc.nat(3) }) },
  ),
  { maxLength: 120, size: 'max' },
)

test('each admitted task counts for its tenant until an announcement covers it, and everything is covered in the end', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const uncovered = createUncovered()
      let begun: string[] = []
      const stored: string[] = []
      let read = 0
      const end = (at: number, isStored: boolean) => {
        const tenant = begun[at]
        if (tenant === undefined) return
        begun = begun.filter((_, index) => index !== at)
        if (isStored) stored.push(tenant)
        uncovered.leave(tenant, BYTES, isStored ? stored.length : undefined)
      }
      const check = () => {
        expect(uncovered.stages()).toBeLessThanOrEqual(16)
        for (const tenant of TENANTS) {
          const isOwn = (other: string) => other === tenant
          const open = begun.filter(isOwn).length
          const least = open + stored.slice(read).filter(isOwn).length
          expect(uncovered.underWay(tenant)).toEqual({ tasks: open, bytes: open * BYTES })
          const { tasks, bytes } = uncovered.sums(tenant)
          expect(tasks).toBeGreaterThanOrEqual(least)
          expect(tasks).toBeLessThanOrEqual(open + stored.filter(isOwn).length)
          expect(bytes).toBe(tasks * BYTES)
        }
        const sums = TENANTS.map((tenant) => uncovered.sums(tenant).tasks)
        expect(uncovered.sumsOfAll().tasks).toBe(sums[0]! + sums[1]!)
        expect(uncovered.underWayOfAll().tasks).toBe(begun.length)
      }
      for (const each of history) {
        if ('enters' in each) {
          uncovered.enter(each.enters, BYTES)
          begun.push(each.enters)
        } else if ('ends' in each) end(each.ends % Math.max(1, begun.length), each.stored)
        else {
          read = Math.min(stored.length, read + each.reads)
          uncovered.cover(read)
        }
        check()
      }
      while (begun.length > 0) end(0, true)
      read = stored.length
      uncovered.cover(read)
      for (const tenant of TENANTS) expect(uncovered.sums(tenant)).toEqual({ tasks: 0, bytes: 0 })
    }),
    { seed: 20_261_129, numRuns: 60 },
  )
})

test('while no coordinator reads on, admitted tasks take a bounded number of stages, and afterwards each tenant gets its places back step by step (L7)', () => {
  const uncovered = createUncovered()
  const rounds = 4_000
  for (let seq = 1; seq <= rounds; seq += 1) {
    const tenant = seq <= rounds / 2 ? 'quiet' : 'busy'
    uncovered.enter(tenant, BYTES)
    uncovered.leave(tenant, BYTES, seq)
    // The same announcement again: the coordinator counts, but reads nothing.
    uncovered.cover(0)
    expect(uncovered.stages()).toBeLessThanOrEqual(16)
  }
  expect(uncovered.sumsOfAll().tasks).toBe(rounds)
  // The coordinator reads on; what it has read counts no longer, except in the stage that it is reading.
  for (let read = 0; read <= rounds; read += 100) {
    uncovered.cover(read)
    const late = uncovered.sumsOfAll().tasks - (rounds - read)
    expect(late).toBeGreaterThanOrEqual(0)
    expect(late).toBeLessThanOrEqual(rounds / 7)
  }
  expect(uncovered.sums('quiet').tasks + uncovered.sums('busy').tasks).toBe(0)
})
