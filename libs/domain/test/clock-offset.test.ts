import { expect, test } from 'vitest'
import { clockOffsetMs } from '../src/index.ts'

const DAY_MS = 86_400_000

test.each([
  ['is a day ahead', { nowMs: 10 * DAY_MS, tookMs: 0, logAtMs: 9 * DAY_MS }, -DAY_MS],
  ['is a day behind', { nowMs: 9 * DAY_MS, tookMs: 4, logAtMs: 10 * DAY_MS }, DAY_MS + 2],
  ['differs by less than is tolerated', { nowMs: 5_000, tookMs: 2, logAtMs: 5_999 }, 0],
  [
    'may differ only because the answer was late',
    { nowMs: 9_000, tookMs: 5_000, logAtMs: 4_000 },
    0,
  ],
  [
    'differs by more than the wait explains',
    { nowMs: 9_000, tookMs: 2_000, logAtMs: 4_000 },
    -4_000,
  ],
])('the clock of a process that %s gets the offset that it needs', (_title, answer, offsetMs) => {
  expect(clockOffsetMs(answer)).toBe(offsetMs)
})
