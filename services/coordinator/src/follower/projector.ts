import type { Logger, Store } from '@agentfleet/adapters'
import type { TaskRecord } from '@agentfleet/domain'

/**
 * Writes the newest version of each record to Redis, in batches that fill while a write is under
 * way.
 *
 * States: clean (nothing to write), writing, away (Redis does not answer). Invariant: Redis has
 * everything before `missingFrom()`. If more than `DIRTY_MAX` records are unwritten, the projector
 * drops them and asks for a rebuild from the log, so a long outage of Redis costs no memory (L7,
 * L8).
 */
export interface Projector {
  /** Adds the record after the event at its `seq`. */
  add(record: TaskRecord): void
  /**
   * Returns the log sequence of the first event that Redis lacks; undefined if it has all of them.
   */
  missingFrom(): number | undefined
  /** Whether records were dropped, so that only a rebuild restores them. Reading resets it. */
  takeLost(): boolean
  /** Writes the rest; returns true if Redis has everything that was added. */
  drain(): Promise<boolean>
}

interface Dirty {
  readonly record: TaskRecord
  /** The sequence of the first event that this write covers. */
  readonly fromSeq: number
}

const BATCH_MAX = 500
const DIRTY_MAX = 200_000
const RETRY_AFTER_MS = 500
/** Milliseconds for which a batch may fill; reads fold the log in the meantime. */
const GATHER_MS = 40

/** Creates a projector with nothing to write. */
export function createProjector(store: Store, retentionMs: number, log: Logger): Projector {
  let dirty = new Map<string, Dirty>()
  let batch: readonly Dirty[] = []
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let lost = false
  let given = false
  let away = false
  let closing = false

  /** Takes at most BATCH_MAX records. */
  const takeBatch = (): readonly Dirty[] => {
    const taken: Dirty[] = []
    for (const [taskId, entry] of dirty) {
      if (taken.length >= BATCH_MAX) break
      taken.push(entry)
      dirty.delete(taskId)
    }
    return taken
  }

  /** Puts unwritten records back unless a newer version has arrived. */
  const putBack = (entries: readonly Dirty[]): void => {
    for (const entry of entries) {
      const { record, fromSeq } = entry
      const newer = dirty.get(record.taskId)
      dirty.set(record.taskId, newer === undefined ? entry : { record: newer.record, fromSeq })
    }
    if (dirty.size <= DIRTY_MAX) return
    dirty = new Map()
    lost = true
    given = true
  }

  const write = async (): Promise<void> => {
    while (dirty.size > 0) {
      batch = takeBatch()
      try {
        await store.project(
          batch.map(({ record }) => record),
          retentionMs,
        )
        batch = []
        if (away) log.info({}, 'Redis accepts writes again; the projection continues')
        away = false
      } catch (error) {
        if (!away)
          log.warn({ err: error }, 'The projection to Redis failed; the coordinator tries again')
        away = true
        const failed = batch
        batch = []
        putBack(failed)
        if (closing) return
        await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS))
      }
    }
  }

  const start = (): void => {
    timer = undefined
    writing ??= write().finally(() => {
      writing = undefined
      if (dirty.size > 0 && !closing) schedule()
    })
  }
  const schedule = (): void => {
    timer ??= setTimeout(start, GATHER_MS)
  }

  return {
    add(record) {
      const { taskId, seq } = record
      const waiting = dirty.get(taskId)
      if (waiting === undefined) dirty.set(taskId, { record, fromSeq: seq })
      else if (waiting.record.seq < seq) dirty.set(taskId, { record, fromSeq: waiting.fromSeq })
      if (writing === undefined) schedule()
    },
    missingFrom() {
      let first: number | undefined
      for (const { fromSeq } of batch) first = Math.min(first ?? fromSeq, fromSeq)
      for (const { fromSeq } of dirty.values()) first = Math.min(first ?? fromSeq, fromSeq)
      return first
    },
    takeLost() {
      const answer = lost
      lost = false
      return answer
    },
    async drain() {
      closing = true
      clearTimeout(timer)
      timer = undefined
      await writing
      start()
      await writing
      return dirty.size === 0 && !given
    },
  }
}
