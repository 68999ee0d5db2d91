import type { TaskEvent, TaskRecord } from '@agentfleet/domain'
import { bytesOf, entryOf, type NotedUsage } from './usage-entries.ts'
import { BATCH_MAX, recount, type RecountDeps } from './usage-recount.ts'

/** Counted entries that stay in the list before it is compacted, so each entry moves rarely. */
const COUNTED_MAX = 10_000
/**
 * If the entries that wait while the totals are unavailable take more, they are dropped and counted from the log
 * later (L7), bytes.
 */
export const NOTED_MAX_BYTES = 32 * 1024 * 1024
/**
 * Adds the usage of tasks to the totals: a second projection of the log (L8).
 *
 * The totals store the log sequence up to which they count, and accept additions only from a writer that names
 * it. Invariants: entries leave in log order; entries that another coordinator has counted are dropped; if the
 * totals lose counts (Redis was emptied or restored to an older state), the log is counted again.
 */
export function createUsageCounter(deps: RecountDeps) {
  const { totals, log, metadataKeys } = deps
  // Entries before `head` are counted; they leave the list together from time to time.
  let noted: NotedUsage[] = []
  let head = 0
  let position: number | undefined
  let notedBytes = 0
  let overflowed = false

  /** Drops what the totals count already, after they count all that they lost; returns their position. */
  const settle = async (found: number): Promise<number> => {
    let at = found
    if (overflowed || (position !== undefined && at < position)) {
      log.warn(
        { at, position },
        'Redis lost counts of usage; the coordinator counts usage again from the log',
      )
      overflowed = false
      at = await recount(deps, at).catch((error: unknown) => {
        overflowed = true
        throw error
      })
    }
    while (head < noted.length && noted[head]!.seq <= at) {
      notedBytes -= bytesOf(noted[head]!)
      head += 1
    }
    if (head >= COUNTED_MAX || head === noted.length) {
      noted = noted.slice(head)
      head = 0
    }
    position = at
    return at
  }

  return {
    /** Records an event together with the record before it. */
    note(event: TaskEvent, seq: number, before: TaskRecord | undefined): void {
      const entry = entryOf(event, before, metadataKeys)
      if (entry === undefined || (position !== undefined && seq <= position)) return
      const bytes = bytesOf(entry)
      if (notedBytes + bytes > NOTED_MAX_BYTES) {
        overflowed = true
        noted = []
        head = 0
        notedBytes = 0
      }
      noted.push({ seq, ...entry })
      notedBytes += bytes
    },
    /** Returns about how many bytes the recorded usage takes that waits for Redis. */
    waitingBytes: () => notedBytes,
    /** Writes the recorded usage to the totals; called about twice a second. */
    async flush(): Promise<void> {
      // Runs even with nothing to write, because the position reveals that Redis was emptied.
      let at = await settle(await totals.position())
      while (noted.length > head) {
        const batch = noted.slice(head, head + BATCH_MAX)
        const to = batch.at(-1)?.seq ?? at
        const now = await totals.add(at, to, batch, deps.tenants?.())
        // Another coordinator has counted these entries; they are dropped here.
        at = await settle(now)
      }
      // Until this note moves, nothing that a tenant's budget has set aside expires.
      await totals.followed()
    },
  }
}
