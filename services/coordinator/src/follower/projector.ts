import type { Logger, Store } from '@agentfleet/adapters'
import { createCompactingMap, type TaskRecord } from '@agentfleet/domain'

/**
 * Writes the newest version of each record to Redis, in batches that fill while a write is under way.
 *
 * States: clean (nothing to write), writing, away (Redis does not answer). Invariant: Redis has everything
 * before `missingFrom()`. If unwritten records take more than `DIRTY_MAX_BYTES`, the projector drops them and
 * asks for a rebuild from the log, so a long outage of Redis costs no memory (L7, L8).
 */
export interface Projector {
  /** Adds the record of a task; its newest event has this size. */
  add(record: TaskRecord, eventBytes: number): void
  /** Whether half of the room for unwritten records is free. */
  hasRoom(): boolean
  /** Returns about how many bytes the unwritten records take. */
  unwrittenBytes(): number
  /** Returns the log sequence of the first event that Redis lacks; undefined if it has all of them. */
  missingFrom(): number | undefined
  /** Whether Redis has refused or missed the last write, so that lists show older records. */
  failing(): boolean
  /** Whether records were dropped, so that only a rebuild restores them. Reading resets it. */
  takeLost(): boolean
  /** Drops the records that are not yet written, and stops. */
  close(): void
  /** Writes the records that are not yet written; returns true if Redis then has every added record. */
  drain(): Promise<boolean>
}

interface Dirty {
  readonly record: TaskRecord
  /** The sequence of the first event that this write covers. */
  readonly fromSeq: number
  /** Size of the events that it covers, and of the rest of a record. */
  readonly bytes: number
}

const BATCH_MAX = 500
/** Bytes of one write: Redis serves other clients in between. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024
/** Some thousand records of usual size; a small coordinator has 256 MiB for everything, bytes. */
const DIRTY_MAX_BYTES = 32 * 1024 * 1024
/** A record without texts, in memory, bytes. */
const RECORD_BYTES = 2 * 1024
const RETRY_AFTER_MS = 500
/** Milliseconds for which a batch may fill; reads fold the log in the meantime. */
const GATHER_MS = 40

/** Dependencies of a projector. */
export interface ProjectorDeps {
  readonly store: Pick<Store, 'project'>
  readonly retentionMs: number
  readonly log: Logger
  /** Called after each write. */
  readonly written?: () => void
  /** Called when a write fails. */
  readonly failed?: (error: unknown) => void
}

/** Creates a projector with nothing to write. */
export function createProjector(deps: ProjectorDeps): Projector {
  const { store, retentionMs, log } = deps
  const dirty = createCompactingMap<string, Dirty>()
  let dirtyBytes = 0
  let batch: readonly Dirty[] = []
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let lost = false
  let given = false
  let away = false
  let closing = false

  const set = (entry: Dirty): void => {
    const { taskId } = entry.record
    dirtyBytes += entry.bytes - (dirty.get(taskId)?.bytes ?? 0)
    dirty.set(taskId, entry)
  }

  /** Takes at most BATCH_MAX records and BATCH_BYTES_MAX bytes. */
  const takeBatch = (): readonly Dirty[] => {
    const taken: Dirty[] = []
    let bytes = 0
    for (const entry of dirty.values()) {
      bytes += entry.bytes
      if (taken.length >= BATCH_MAX || (taken.length > 0 && bytes > BATCH_BYTES_MAX)) break
      taken.push(entry)
      dirtyBytes -= entry.bytes
    }
    if (taken.length === dirty.size) dirty.clear()
    else for (const { record } of taken) dirty.delete(record.taskId)
    return taken
  }

  const dropIfTooMuch = (): void => {
    if (dirtyBytes <= DIRTY_MAX_BYTES) return
    dirty.clear()
    dirtyBytes = 0
    lost = true
    given = true
  }

  /** Puts unwritten records back unless a newer version has arrived. */
  const putBack = (entries: readonly Dirty[]): void => {
    for (const entry of entries) {
      const { record, fromSeq, bytes } = entry
      const newer = dirty.get(record.taskId)
      set(newer === undefined ? entry : { ...newer, fromSeq, bytes: newer.bytes + bytes })
    }
    dropIfTooMuch()
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
        deps.written?.()
        if (away)
          log.info({}, 'Redis accepts writes again; the coordinator continues to write records')
        away = false
      } catch (error) {
        if (!away)
          log.warn(
            { err: error },
            'The coordinator could not write records to Redis; it tries again',
          )
        away = true
        deps.failed?.(error)
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
    add(record, eventBytes) {
      const { taskId, seq } = record
      const waiting = dirty.get(taskId)
      if (waiting === undefined) set({ record, fromSeq: seq, bytes: RECORD_BYTES + eventBytes })
      else if (waiting.record.seq < seq)
        set({ record, fromSeq: waiting.fromSeq, bytes: waiting.bytes + eventBytes })
      dropIfTooMuch()
      if (writing === undefined) schedule()
    },
    hasRoom: () => dirtyBytes <= DIRTY_MAX_BYTES / 2,
    unwrittenBytes: () => dirtyBytes,
    failing: () => away,
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
    close() {
      closing = true
      clearTimeout(timer)
      dirty.clear()
      dirtyBytes = 0
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
