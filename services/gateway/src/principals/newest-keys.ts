import type { Keys, StoredKey } from '@agentfleet/adapters'
import { takePermit, type Bucket } from '@agentfleet/domain'
import { settleWithin } from '@agentfleet/runtime'
import { createAddressBuckets } from './address-buckets.ts'
import type { KeyDirectory } from './key-directory.ts'

/**
 * Reads the newest version of a key whose secret the directory does not know: another gateway may have made or
 * rotated the key a moment ago.
 */
export type NewestKey = (id: string, address: string) => Promise<StoredKey | undefined> | undefined

/** Wrong keys cannot make a gateway read more often than this: a fiftieth of a core. */
const READS = { perMinute: 6_000, burst: 100 }
/** The part of one address: wrong keys from one address leave most reads to the fresh keys of others. */
const READS_OF_ADDRESS = { perMinute: 300, burst: 20 }
/** A caller waits this long for a read, milliseconds. */
const WITHIN_MS = 1_000

/** Creates the read; undefined as its answer means that there were too many. */
export function createNewestKey(deps: {
  readonly keys: Pick<Keys, 'last'>
  readonly directory: Pick<KeyDirectory, 'take'>
  readonly monotonicMs: () => number
}): NewestKey {
  const { keys, directory, monotonicMs } = deps
  let bucket: Bucket | undefined
  const ofAddresses = createAddressBuckets(READS_OF_ADDRESS, monotonicMs)

  const read = async (id: string): Promise<StoredKey | undefined> => {
    let found: StoredKey | undefined
    // Without NATS the key counts as unknown.
    const reading = keys.last(id).then(
      (stored) => void (found = stored),
      () => undefined,
    )
    await settleWithin(reading, WITHIN_MS)
    if (found !== undefined) directory.take(found)
    return found
  }

  return (id, address) => {
    if (ofAddresses.take(address).kind === 'empty') return undefined
    const taken = takePermit(bucket, READS, monotonicMs())
    bucket = taken.bucket
    return taken.kind === 'taken' ? read(id) : undefined
  }
}
