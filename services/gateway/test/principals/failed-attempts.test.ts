import { expect, test } from 'vitest'
import { createFailedAttempts } from '../../src/principals/failed-attempts.ts'

test('an address with too many wrong tokens gets a hundred checks of signatures a second, and other addresses get all (L7)', () => {
  let nowMs = 0
  const attempts = createFailedAttempts(() => nowMs)
  const flood = (count: number) => {
    let checks = 0
    for (let sent = 0; sent < count; sent += 1) {
      if (attempts.mayCheck('10.0.0.1')) checks += 1
      attempts.note('10.0.0.1')
    }
    return checks
  }
  // The limit of failures, and then the burst of checks.
  expect(flood(10_000)).toBe(20 + 100)
  expect(attempts.mayCheck('10.0.0.2')).toBe(true)
  nowMs = 1_000
  expect(flood(10_000)).toBe(1 + 100)
})
