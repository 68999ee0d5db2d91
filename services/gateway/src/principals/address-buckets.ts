import { takePermit, type Bucket, type Taken } from '@agentfleet/domain'
import { networkOf } from '../http/proxies.ts'

/**
 * A bucket of permits for each remote address.
 *
 * Invariant (L7): at most ADDRESSES_MAX addresses are held; when there are more, the oldest is forgotten.
 */
export interface AddressBuckets {
  /** Takes a permit of the address. */
  take(address: string): Taken
  /** Whether the address has a permit. */
  has(address: string): boolean
}

/** About 200 bytes each: 4 MB. */
const ADDRESSES_MAX = 20_000

/** Creates the buckets; those of all addresses are full. */
export function createAddressBuckets(
  limits: Parameters<typeof takePermit>[1],
  nowMs: () => number,
): AddressBuckets {
  const known = new Map<string, Bucket>()
  return {
    take(address) {
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
    has(address) {
      const found = known.get(networkOf(address))
      return found === undefined || takePermit(found, limits, nowMs()).kind === 'taken'
    },
  }
}
