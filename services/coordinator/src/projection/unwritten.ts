import { createCompactingMap, type TaskRecord } from '@agentfleet/domain'

/** The newest version of a record that Redis lacks. */
export interface Unwritten {
  readonly record: TaskRecord
  /** The sequence of the first event that this write covers. */
  readonly fromSeq: number
  /** Size of the events that it covers, and of the rest of a record. */
  readonly bytes: number
}

/** The newest versions of records until they are written; beyond `DIRTY_MAX_BYTES` all are dropped (L7). */
interface UnwrittenRecords {
  /** Adds a record unless a newer version is there; its newest event has this size. */
  add(record: TaskRecord, eventBytes: number): void
  /** Takes records for one write, which `written` or `putBack` ends. */
  takeBatch(): readonly Unwritten[]
  written(): void
  /** Puts the records of the write back, unless a newer version has arrived. */
  putBack(): void
  /** Drops all records if they take too much, and returns whether it did. */
  dropIfTooMuch(): boolean
  clear(): void
  /** Returns the sequence of the first event that these records or those of the write cover. */
  missingFrom(): number | undefined
  size(): number
  /** Returns about how many bytes the records take. */
  bytes(): number
  /** Whether half of the room is free. */
  hasRoom(): boolean
}

/** Records of one write. */
const BATCH_MAX = 500
/** Bytes of one write: Redis serves other clients in between. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024
/** Some thousand records of usual size; a small coordinator has 256 MiB for everything, bytes. */
const DIRTY_MAX_BYTES = 32 * 1024 * 1024
/** A record without texts, in memory, bytes. */
const RECORD_BYTES = 2 * 1024

/** Creates an empty collection. */
export function createUnwritten(): UnwrittenRecords {
  const dirty = createCompactingMap<string, Unwritten>()
  let dirtyBytes = 0
  /** The records of the write that is under way. */
  let batch: readonly Unwritten[] = []

  const set = (entry: Unwritten): void => {
    const { taskId } = entry.record
    dirtyBytes += entry.bytes - (dirty.get(taskId)?.bytes ?? 0)
    dirty.set(taskId, entry)
  }
  const clear = (): void => {
    dirty.clear()
    dirtyBytes = 0
  }

  return {
    add(record, eventBytes) {
      const { taskId, seq } = record
      const waiting = dirty.get(taskId)
      if (waiting === undefined) set({ record, fromSeq: seq, bytes: RECORD_BYTES + eventBytes })
      else if (waiting.record.seq < seq)
        set({ record, fromSeq: waiting.fromSeq, bytes: waiting.bytes + eventBytes })
    },
    takeBatch() {
      const taken: Unwritten[] = []
      let bytes = 0
      for (const entry of dirty.values()) {
        bytes += entry.bytes
        if (taken.length >= BATCH_MAX || (taken.length > 0 && bytes > BATCH_BYTES_MAX)) break
        taken.push(entry)
        dirtyBytes -= entry.bytes
      }
      if (taken.length === dirty.size) dirty.clear()
      else for (const { record } of taken) dirty.delete(record.taskId)
      batch = taken
      return taken
    },
    written() {
      batch = []
    },
    putBack() {
      const failed = batch
      batch = []
      for (const entry of failed) {
        const { record, fromSeq, bytes } = entry
        const newer = dirty.get(record.taskId)
        set(newer === undefined ? entry : { ...newer, fromSeq, bytes: newer.bytes + bytes })
      }
    },
    dropIfTooMuch() {
      if (dirtyBytes <= DIRTY_MAX_BYTES) return false
      clear()
      return true
    },
    clear,
    missingFrom() {
      let first: number | undefined
      for (const { fromSeq } of batch) first = Math.min(first ?? fromSeq, fromSeq)
      for (const { fromSeq } of dirty.values()) first = Math.min(first ?? fromSeq, fromSeq)
      return first
    },
    size: () => dirty.size,
    bytes: () => dirtyBytes,
    hasRoom: () => dirtyBytes <= DIRTY_MAX_BYTES / 2,
  }
}
