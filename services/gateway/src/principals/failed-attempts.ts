import { createAddressBuckets } from './address-buckets.ts'

/**
 * Failed authentications by remote address. A right key is never counted or delayed here, because many callers
 * can share the address of a proxy. A token costs a check of its signature, and a ticket a question to Redis, so an
 * address over the limit gets only so many checks (L7).
 */
export interface FailedAttempts {
  /** Counts a failure; returns the milliseconds after which the address may try again, 0 within the limit. */
  note(address: string): number
  /** Whether a token or a ticket from this address may be checked now; counts the check. */
  mayCheck(address: string): boolean
}

/** A person who mistypes stays below; a program that guesses does not. */
const LIMITS = { perMinute: 60, burst: 20 } as const
/** Checks for an address over that limit: a fiftieth of a core, and 100 callers behind a proxy get new tokens in time. */
const CHECKS = { perMinute: 6_000, burst: 100 } as const

/** Creates the table, empty. */
export function createFailedAttempts(nowMs: () => number): FailedAttempts {
  const failures = createAddressBuckets(LIMITS, nowMs)
  const checks = createAddressBuckets(CHECKS, nowMs)
  return {
    note(address) {
      const taken = failures.take(address)
      return taken.kind === 'taken' ? 0 : taken.retryAfterMs
    },
    mayCheck: (address) => failures.has(address) || checks.take(address).kind === 'taken',
  }
}
