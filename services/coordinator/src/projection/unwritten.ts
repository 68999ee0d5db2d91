import { createCompactingMap, createTally, decideShare, type TaskRecord } from '@agentfleet/domain'

/** The newest version of a record that Redis lacks. */
interface Unwritten {
  readonly record: TaskRecord
  /** The sequence of the first event that this write covers. */
  readonly fromSeq: number
  /** Size of the events that it covers, and of the rest of a record. */
  readonly bytes: number
}

/** Records of one write. */
const BATCH_MAX = 500
/** Bytes of one write: Redis serves other clients in between. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024
/** Some thousand records of usual size; a small coordinator has 256 MiB for everything, bytes. */
const DIRTY_MAX_BYTES = 32 * 1024 * 1024
/** A record without texts, in memory, bytes. */
const RECORD_BYTES = 2 * 1024

/**
 * The newest versions of records until they are written; beyond `DIRTY_MAX_BYTES` all are dropped (L7). Of several
 * `tenants` each has a share, and only the record that exceeds it is dropped, so that the others' records stay.
 */
export function createUnwritten(tenants: () => number = () => 1) {
  const dirty = createCompactingMap<string, Unwritten>()
  /** Bytes of these records and those of the write, by tenant. */
  const held = createTally()
  /** The records of the write that is under way. */
  let batch: readonly Unwritten[] = []

  const free = (entries: Iterable<Unwritten>): void => {
    for (const { record, bytes } of entries) held.add(record.tenant, -bytes)
  }
  const clear = (): void => {
    free(dirty.values())
    dirty.clear()
  }

  const isWithinShare = (tenant: string, ask: number): boolean => {
    const [used, own] = [held.total(), held.of(tenant)]
    const share = { capacity: DIRTY_MAX_BYTES, used, own, ask, tenants: tenants() }
    return decideShare(share).kind === 'take'
  }

  return {
    /** Adds a record unless a newer version is there; its newest event has this size. Returns false if a record was dropped. */
    add(record: TaskRecord, eventBytes: number): boolean {
      const { taskId, tenant, seq } = record
      const waiting = dirty.get(taskId)
      if (waiting !== undefined && waiting.record.seq >= seq) return true
      const ask = waiting === undefined ? RECORD_BYTES + eventBytes : eventBytes
      const sum = held.total() + ask
      // Half of the room is within every share, and each event of the fleet comes by here.
      if (sum > DIRTY_MAX_BYTES / 2 && !isWithinShare(tenant, ask)) return false
      if (sum > DIRTY_MAX_BYTES) {
        clear()
        return false
      }
      const { fromSeq = seq, bytes = 0 } = waiting ?? {}
      held.add(tenant, ask)
      dirty.set(taskId, { record, fromSeq, bytes: bytes + ask })
      return true
    },
    /** Takes records for one write, which `written` or `putBack` ends. */
    takeBatch(): readonly Unwritten[] {
      const taken: Unwritten[] = []
      let bytes = 0
      for (const entry of dirty.values()) {
        bytes += entry.bytes
        if (taken.length >= BATCH_MAX || (taken.length > 0 && bytes > BATCH_BYTES_MAX)) break
        taken.push(entry)
      }
      if (taken.length === dirty.size) dirty.clear()
      else for (const { record } of taken) dirty.delete(record.taskId)
      return (batch = taken)
    },
    written(): void {
      free(batch)
      batch = []
    },
    /** Puts the records of the write back, unless a newer version has arrived. */
    putBack(): void {
      for (const entry of batch) {
        const { taskId } = entry.record
        const newer = dirty.get(taskId)
        const all = newer && { ...newer, fromSeq: entry.fromSeq, bytes: newer.bytes + entry.bytes }
        dirty.set(taskId, all ?? entry)
      }
      batch = []
    },
    clear,
    /** Returns the sequence of the first event that these records or those of the write cover; undefined: none. */
    missingFrom(): number | undefined {
      let first: number | undefined
      for (const { fromSeq } of batch) first = Math.min(first ?? fromSeq, fromSeq)
      for (const { fromSeq } of dirty.values()) first = Math.min(first ?? fromSeq, fromSeq)
      return first
    },
    size: () => dirty.size,
    /** Returns about how many bytes the records and those of the write take. */
    bytes: () => held.total(),
    /** Whether half of the room is free. */
    hasRoom: () => held.total() <= DIRTY_MAX_BYTES / 2,
  }
}
