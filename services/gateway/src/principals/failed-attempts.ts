import { takePermit, type Bucket } from '@agentfleet/domain'
import { networkOf } from '../http/addresses.ts'

/**
 * Failed authentications by remote address. A right key is never counted or delayed here, because many callers
 * can share the address of a proxy.
 *
 * Invariant (L7): at most ADDRESSES_MAX addresses are held; when there are more, the oldest is forgotten.
 */
export interface FailedAttempts {
  /** Counts a failure; returns the milliseconds after which the address may try again, 0 within the limit. */
  note(address: string): number
}

/** A person who mistypes stays below; a program that guesses does not. */
const LIMITS = { perMinute: 60, burst: 20 } as const
/** About 200 bytes each: 4 MB. */
const ADDRESSES_MAX = 20_000

/** Creates the table, empty. */
export function createFailedAttempts(nowMs: () => number): FailedAttempts {
  const buckets = new Map<string, Bucket>()
  return {
    note(address) {
      const network = networkOf(address)
      const taken = takePermit(buckets.get(network), LIMITS, nowMs())
      // Written again at the end: the first address is then the one that was quiet for longest.
      buckets.delete(network)
      buckets.set(network, taken.bucket)
      if (buckets.size > ADDRESSES_MAX) {
        const [oldest = ''] = buckets.keys()
        buckets.delete(oldest)
      }
      return taken.kind === 'taken' ? 0 : taken.retryAfterMs
    },
  }
}
