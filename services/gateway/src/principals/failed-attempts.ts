import { isIPv6 } from 'node:net'
import { takePermit, type Bucket } from '@agentfleet/domain'

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
/** One customer of a provider has a whole network of this many groups. */
const IPV6_GROUPS = 4

/** Creates the table, empty. */
export function createFailedAttempts(nowMs: () => number): FailedAttempts {
  const buckets = new Map<string, Bucket>()
  return {
    note(address) {
      const network = networkOf(address)
      const taken = takePermit(buckets.get(network), LIMITS, nowMs())
      // Written again at the end: the first one is then the one that was quiet for longest.
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

/** The address, or the network of an IPv6 address, of which a caller has billions. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return [...left, ...(tail === undefined ? [] : zeros), ...right].slice(0, IPV6_GROUPS).join(':')
}
