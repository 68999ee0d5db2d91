import type { Keys } from '@agentfleet/adapters'
import type { KeyDirectory } from './key-directory.ts'

/** Milliseconds; a key is kept for weeks, so an hour more does not matter. */
export const PURGE_INTERVAL_MS = 3_600_000
/** Keys of one round; the rest follow an hour later. */
const PURGED_MAX = 1_000

/**
 * Forgets keys that were revoked or have expired long ago, so that the stream KEYS and the memory of the gateways
 * hold only keys that are used or can still be asked about. Every gateway does it; a second purge changes nothing.
 */
export async function purgeKeys(deps: {
  keys: Pick<Keys, 'forget'>
  directory: Pick<KeyDirectory, 'over' | 'forget'>
  nowMs: () => number
}): Promise<void> {
  for (const stored of deps.directory.over(deps.nowMs()).slice(0, PURGED_MAX)) {
    await deps.keys.forget(stored)
    deps.directory.forget(stored.key.id)
  }
}
