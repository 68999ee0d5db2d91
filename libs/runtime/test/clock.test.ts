import { expect, test } from 'vitest'
import { manualClock, systemClock } from '../src/index.ts'

test('the manual clock moves only when it is advanced, and never back', () => {
  const clock = manualClock(1_000)
  clock.advance(250)
  expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1_250, 250])
  expect(() => clock.advance(-1)).toThrow(RangeError)
})

test('the system clock gives the epoch time and a monotonic time', () => {
  expect(Math.abs(systemClock.nowMs() - Date.now())).toBeLessThan(1_000)
  const first = systemClock.monotonicMs()
  expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(first)
})
