import { takePermit, type Bucket } from '@agentfleet/domain'
import { networkOf } from '../http/addresses.ts'

/**
 * Failed authentications by remote address. A right key is never counted or delayed here, because many callers
 * can share the address of a proxy. A token costs a check of its signature, and a ticket a question to Redis, so an
 * address over the limit gets only so many checks.
 *
 * Invariant (L7): at most ADDRESSES_MAX addresses are held; when there are more, the oldest is forgotten.
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
/** About 300 bytes each: 6 MB. */
const ADDRESSES_MAX = 20_000

/** Creates the table, empty. */
export function createFailedAttempts(nowMs: () => number): FailedAttempts {
  const known = new Map<string, { failures: Bucket; checks?: Bucket }>()
  return {
    note(address) {
      const network = networkOf(address)
      const before = known.get(network)
      const taken = takePermit(before?.failures, LIMITS, nowMs())
      // Written again at the end: the first address is then the one that was quiet for longest.
      known.delete(network)
      known.set(network, { ...before, failures: taken.bucket })
      if (known.size > ADDRESSES_MAX) {
        const [oldest = ''] = known.keys()
        known.delete(oldest)
      }
      return taken.kind === 'taken' ? 0 : taken.retryAfterMs
    },
    mayCheck(address) {
      const found = known.get(networkOf(address))
      if (found === undefined) return true
      if (takePermit(found.failures, LIMITS, nowMs()).kind === 'taken') return true
      const taken = takePermit(found.checks, CHECKS, nowMs())
      found.checks = taken.bucket
      return taken.kind === 'taken'
    },
  }
}
