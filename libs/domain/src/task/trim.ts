/**
 * How the log is trimmed (L7). A purge by sequence removes everything before the oldest event that something
 * still needs, in one cheap step. An old unfinished task stops it; then a compaction removes the expired
 * events behind that task one by one, so that a task of a week costs only its own events.
 */

/** The log and what is still needed of it. */
export interface TrimSnapshot {
  readonly firstSeq: number
  readonly lastSeq: number
  /** Stored events. */
  readonly messages: number
  /** Used share of the log, 0 to 1. */
  readonly fill: number
  /** The last sequence that is older than the retention time. */
  readonly expiredSeq: number
  /** The oldest sequence that something needs. */
  readonly keepFrom: number
  /** Events up to `expiredSeq` that the last compaction had to keep. */
  readonly kept: number
}

type TrimDecision =
  | { readonly kind: 'nothing'; readonly reason: 'needed' | 'little-expired' }
  | { readonly kind: 'purge'; readonly reason: 'expired'; readonly before: number }
  | {
      readonly kind: 'compact'
      readonly reason: 'expired' | 'filling'
      readonly from: number
      readonly to: number
    }

/** Fewer events are not worth a pass: it reads all that was kept. */
const EVENTS_MIN = 1_000
/** Above this share of the log a compaction removes even a few expired events, because they may be large. */
const FILLING = 0.5
/** A pass removes at least this part of what it reads, so its cost for each event stays constant. */
const REMOVED_SHARE_MIN = 0.2

/** Decides the next step. */
export function decideTrim(log: TrimSnapshot): TrimDecision {
  const { firstSeq, lastSeq, messages, fill, expiredSeq, keepFrom, kept } = log
  if (keepFrom > firstSeq) return { kind: 'purge', reason: 'expired', before: keepFrom }
  // The last event always stays: readers compare their position with it.
  const to = Math.min(expiredSeq, lastSeq - 1)
  const old = messages - (lastSeq - to)
  const removable = old - kept
  if (removable <= 0) return { kind: 'nothing', reason: 'needed' }
  const filling = fill >= FILLING
  const enough = filling ? 1 : EVENTS_MIN
  if (removable < enough || removable < old * REMOVED_SHARE_MIN) {
    return { kind: 'nothing', reason: 'little-expired' }
  }
  return { kind: 'compact', reason: filling ? 'filling' : 'expired', from: firstSeq, to }
}
