import { expect, it } from 'vitest'
import {
  GAP_MAX_MS,
  HEARTBEAT_INTERVAL_MS,
  LATE_AFTER_MS,
  retryDelayMs,
  scaleLimitsAt,
  SCALE_LIMITS,
  timingOf,
} from '../src/index.ts'

it.each([1, 0.5, 0.1, 0.05])(
  'two renewals of a lease may be lost before the lease ends, at the time scale %d',
  (scale) => {
    const { leaseMs, renewEveryMs, deathLeaseMs, deathRenewEveryMs } = timingOf(scale)
    expect(renewEveryMs).toBeLessThanOrEqual(leaseMs / 3)
    expect(deathRenewEveryMs).toBeLessThanOrEqual(deathLeaseMs / 3)
  },
)

it('durations have their production values by default, and a time scale of 0.1 shortens each to a tenth or to 50 ms', () => {
  const { scale, ...production } = timingOf()
  const tenth = timingOf(0.1)
  expect(scale).toBe(1)
  expect(production.leaseMs).toBe(30_000)
  for (const [name, ms] of Object.entries(production)) {
    const scaled = tenth[name as keyof typeof production]
    expect(scaled, name).toBeGreaterThanOrEqual(Math.max(50, ms / 10))
    expect(scaled, name).toBeLessThan(ms)
  }
  expect(tenth).toMatchObject({ leaseMs: 3_000, renewEveryMs: 1_000, followAfterMs: 1_000 })
})

it('a heartbeat arrives before its absence is counted, at any time scale', () => {
  expect(HEARTBEAT_INTERVAL_MS).toBeLessThan(LATE_AFTER_MS)
  expect(HEARTBEAT_INTERVAL_MS).toBeLessThan(GAP_MAX_MS)
})

it('backoff shrinks with the time scale, but the wait that a provider asks for does not', () => {
  const delay = (scale: number, retryAfterMs?: number) =>
    retryDelayMs({ code: 'provider-overloaded', retryAfterMs }, 5, () => 1, { scale })
  expect(delay(0.1)).toBe((delay(1) ?? 0) / 10)
  expect(delay(0.1, 10_000)).toBe((delay(0.1) ?? 0) + 10_000)
})

it('scaling windows shrink with the time scale, but the start-up time of a node and the wait target do not', () => {
  const limits = scaleLimitsAt({ scale: 0.1 })
  expect(scaleLimitsAt({ scale: 1 })).toEqual(SCALE_LIMITS)
  expect(limits).toMatchObject({ stableMs: 6_000, panicMs: 2_000, cooldownMs: 12_000 })
  expect(limits).toMatchObject({
    startupMs: SCALE_LIMITS.startupMs,
    waitTargetMs: SCALE_LIMITS.waitTargetMs,
  })
})
