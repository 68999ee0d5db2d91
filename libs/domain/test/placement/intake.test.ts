import {
  array,
  assert as check,
  constantFrom,
  integer,
  property,
  record,
  shuffledSubarray,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countServed, LEVELS, NOTHING_SERVED, planIntake, type Level } from '../../src/index.ts'

const WEIGHT: Record<Level, number> = { high: 6, medium: 3, low: 1 }
const level = integer({ min: 0, max: 500 })
const levels = record({ low: level, medium: level, high: level })

describe('fetching pointers', () => {
  it('never asks for more pointers than there are credits, except for one small request (a doorbell) for each idle priority (late binding)', () => {
    check(
      property(
        integer({ min: 0, max: 1_000 }),
        levels,
        shuffledSubarray([...LEVELS], { minLength: 3 }),
        (credits, waiting, order) => {
          const asked = { low: 0, medium: 0, high: 0 }
          for (const priority of order) {
            asked[priority] = planIntake(priority, { credits, waiting, asked })
          }
          const bells = LEVELS.filter((each) => waiting[each] === 0).length
          const sum = asked.low + asked.medium + asked.high
          expect(sum).toBeLessThanOrEqual(credits === 0 ? 0 : credits + bells)
        },
      ),
    )
  })

  it('leaves a share to tasks of low priority next to a backlog of high priority', () => {
    const waiting = { low: 100, medium: 0, high: 100 }
    const asked = { low: 0, medium: 0, high: 0 }
    const high = planIntake('high', { credits: 70, waiting, asked })
    expect(high).toBe(60)
    expect(planIntake('low', { credits: 70, waiting, asked: { ...asked, high } })).toBe(10)
  })

  it('gives nearly all credits to the only priority with a backlog, and keeps one small request (a doorbell) open for each idle priority', () => {
    const waiting = { low: 0, medium: 9_999, high: 0 }
    const asked = { low: 5, medium: 0, high: 5 }
    expect(planIntake('medium', { credits: 100, waiting, asked })).toBe(92)
    expect(planIntake('high', { credits: 0, waiting, asked })).toBe(0)
    // The doorbells of idle priorities do not take the one credit.
    const bells = { low: 1, medium: 0, high: 0 }
    expect(planIntake('medium', { credits: 1, waiting, asked: bells })).toBe(1)
    expect(planIntake('high', { credits: 1, waiting, asked: { ...bells, medium: 1 } })).toBe(1)
  })

  it('divides credits between priorities with long queues by their weights, exactly except for the last round, even if there are few credits', () => {
    const round = record({
      credits: integer({ min: 1, max: 40 }),
      order: shuffledSubarray([...LEVELS], { minLength: 3 }),
    })
    const busy = constantFrom<Level[]>(
      ['low', 'medium', 'high'],
      ['low', 'high'],
      ['low', 'medium'],
    )
    check(
      property(busy, array(round, { minLength: 50, maxLength: 200 }), (backlogged, rounds) => {
        const waiting = { low: 0, medium: 0, high: 0 }
        for (const each of backlogged) waiting[each] = 1_000_000
        const total = { low: 0, medium: 0, high: 0 }
        let served = NOTHING_SERVED
        for (const { credits, order } of rounds) {
          const asked = { low: 0, medium: 0, high: 0 }
          for (const priority of order.filter((each) => backlogged.includes(each))) {
            asked[priority] = planIntake(priority, { credits, waiting, asked, served })
          }
          for (const each of LEVELS) {
            total[each] += asked[each]
            served = countServed(served, each, asked[each], waiting)
          }
          expect(asked.low + asked.medium + asked.high).toBe(credits)
        }
        const all = total.low + total.medium + total.high
        const width = backlogged.reduce((sum, each) => sum + WEIGHT[each], 0)
        for (const each of backlogged) {
          expect(Math.abs(total[each] - (all * WEIGHT[each]) / width)).toBeLessThanOrEqual(3)
        }
      }),
    )
  })

  it('does not let a priority use later a share that it has left unused', () => {
    const alone = { low: 9_999, medium: 0, high: 0 }
    let served = countServed(NOTHING_SERVED, 'low', 10_000, alone)
    const both = { ...alone, high: 9_999 }
    served = countServed(served, 'high', 0, both)
    const asked = { low: 0, medium: 0, high: 0 }
    expect(planIntake('low', { credits: 70, waiting: both, asked, served })).toBe(10)
  })
})
