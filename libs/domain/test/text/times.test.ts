import { expect, test } from 'vitest'
import { age, ago } from '../../src/index.ts'

const NOW_MS = Date.UTC(2026, 0, 31, 12)

test.for<readonly [agoMs: number, age: string, ago: string]>([
  [0, '0 s', 'now'],
  [999, '0 s', 'now'],
  [-999, '0 s', 'now'],
  [12_999, '12 s', '12 s ago'],
  [200_000, '3 m', '3 m ago'],
  [7_800_000, '2 h', '2 h ago'],
  [273_600_000, '3 d', '3 d ago'],
  [-200_000, '0 s', 'in 3 m'],
])('a time %i ms ago is written as the age %s and as %s', ([agoMs, old, distance]) => {
  const atMs = NOW_MS - agoMs
  expect([age(atMs, NOW_MS), ago(atMs, NOW_MS)]).toEqual([old, distance])
})

test('an absent time and a time that could not be read are written as unknown', () => {
  for (const atMs of [undefined, NaN]) {
    expect([age(atMs, NOW_MS), ago(atMs, NOW_MS)]).toEqual(['—', '—'])
  }
})
