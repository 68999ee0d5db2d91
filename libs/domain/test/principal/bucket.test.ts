import { expect, test } from 'vitest'
import { takePermit, type Bucket } from '../../src/principal/bucket.ts'

const LIMITS = { perMinute: 60, burst: 3 }

/** Takes permits at these times; returns which were given. */
function taken(times: readonly number[]): boolean[] {
  let bucket: Bucket | undefined
  return times.map((nowMs) => {
    const answer = takePermit(bucket, LIMITS, nowMs)
    bucket = answer.bucket
    return answer.kind === 'taken'
  })
}

test('a token bucket gives its burst at once and then one permit for each interval', () => {
  expect(taken([0, 0, 0, 0, 999, 1_000, 1_000])).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
    false,
  ])
})

test('a token bucket never holds more than its burst, and ignores a clock that steps back', () => {
  expect(taken([0, 0, 0, 60_000, 60_000, 60_000, 60_000]).filter(Boolean)).toHaveLength(6)
  expect(taken([5_000, 5_000, 5_000, 0])).toEqual([true, true, true, false])
})

test('an empty token bucket says when the next permit will be available', () => {
  const answer = takePermit({ left: 0.25, atMs: 0 }, LIMITS, 0)
  expect(answer).toMatchObject({ kind: 'empty', retryAfterMs: 750 })
})
