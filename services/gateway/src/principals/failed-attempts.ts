import { takePermit, type Bucket } from '@agentfleet/domain'
import { networkOf } from '../http/proxies.ts'

/**
 * Failed authentications by remote address. A right key is never counted or delayed here, because many callers
 * can share the address of a proxy. A token costs a check of its signature, and a ticket a question to Redis, so an
 * address over the limit gets only so many checks (L7).
 */
export type FailedAttempts = ReturnType<typeof createFailedAttempts>

/** A person who mistypes stays below; a program that guesses does not. */
const LIMITS = { perMinute: 60, burst: 20 } as const
/** Checks for an address over that limit: a fiftieth of a core, and 100 callers behind a proxy get new tokens in time. */
const CHECKS = { perMinute: 6_000, burst: 100 } as const
/** About 200 bytes each: 4 MB. */
const ADDRESSES_MAX = 20_000

/** Creates the table, empty. */
export function createFailedAttempts(nowMs: () => number) {
  const failures = createBuckets(LIMITS, nowMs)
  const checks = createBuckets(CHECKS, nowMs)
  return {
    /** Counts a failure; returns the milliseconds after which the address may try again, 0 within the limit. */
    note(address: string): number {
      const taken = failures.take(address)
      return taken.kind === 'taken' ? 0 : taken.retryAfterMs
    },
    /** Whether a token or a ticket from this address may be checked now; counts the check. */
    mayCheck: (address: string) => failures.has(address) || checks.take(address).kind === 'taken',
  }
}

/**
 * Creates a bucket of permits for each remote address; at first all of them are full. Invariant (L7): at most
 * ADDRESSES_MAX addresses are held; when there are more, the oldest is forgotten.
 */
function createBuckets(limits: Parameters<typeof takePermit>[1], nowMs: () => number) {
  const known = new Map<string, Bucket>()
  return {
    take(address: string) {
      const network = networkOf(address)
      const taken = takePermit(known.get(network), limits, nowMs())
      // Written again at the end: the first address is then the one that was quiet for longest.
      known.delete(network)
      known.set(network, taken.bucket)
      if (known.size > ADDRESSES_MAX) {
        const [oldest = ''] = known.keys()
        known.delete(oldest)
      }
      return taken
    },
    /** Whether the address has a permit. */
    has(address: string): boolean {
      const found = known.get(networkOf(address))
      return found === undefined || takePermit(found, limits, nowMs()).kind === 'taken'
    },
  }
}
