import type { Logger, Store } from '@agentfleet/adapters'
import type { TaskRecord } from '@agentfleet/domain'
import { createUnwritten } from './unwritten.ts'

const RETRY_AFTER_MS = 500
/** Milliseconds for which a batch may fill; reads fold the log in the meantime. */
const GATHER_MS = 40

const BACK = 'Redis accepts writes again; the coordinator continues to write records'
const NOT_WRITTEN = 'The coordinator could not write records to Redis; it tries again'

interface ProjectorDeps {
  readonly store: Pick<Store, 'project'>
  readonly retentionMs: number
  readonly log: Logger
  /** How many tenants share the room for unwritten records; absent: the reader of the log waits for room. */
  readonly tenants?: () => number
  /** Called after each write. */
  readonly written?: () => void
  /** Called when a write fails. */
  readonly failed?: (error: unknown) => void
}

/**
 * Writes the newest version of each record to Redis, in batches that fill while a write is under way.
 *
 * States: clean (nothing to write), writing, away (Redis does not answer). Invariant: Redis has everything
 * before `missingFrom()`. If the unwritten records take too much, the projector drops them and asks for a rebuild
 * from the log, so a long outage of Redis costs no memory (L7, L8).
 */
export function createProjector(deps: ProjectorDeps) {
  const { store, retentionMs, log } = deps
  const unwritten = createUnwritten(deps.tenants)
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let lost = false
  let given = false
  let away = false
  let closing = false

  const write = async (): Promise<void> => {
    while (unwritten.size() > 0) {
      const batch = unwritten.takeBatch()
      try {
        const records = batch.map(({ record }) => record)
        await store.project(records, retentionMs)
        unwritten.written()
        deps.written?.()
        if (away) log.info({}, BACK)
        away = false
      } catch (error) {
        if (!away) log.warn({ err: error }, NOT_WRITTEN)
        away = true
        deps.failed?.(error)
        unwritten.putBack()
        if (closing) return
        await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS))
      }
    }
  }

  const start = (): void => {
    timer = undefined
    writing ??= write().finally(() => {
      writing = undefined
      if (unwritten.size() > 0 && !closing) schedule()
    })
  }
  const schedule = (): void => {
    timer ??= setTimeout(start, GATHER_MS)
  }

  return {
    /** Adds the record of a task; its newest event has this size. */
    add(record: TaskRecord, eventBytes: number): void {
      if (!unwritten.add(record, eventBytes)) lost = given = true
      if (writing === undefined) schedule()
    },
    hasRoom: unwritten.hasRoom,
    unwrittenBytes: unwritten.bytes,
    /** Whether Redis has refused or missed the last write, so that lists show older records. */
    failing: () => away,
    missingFrom: unwritten.missingFrom,
    /** Whether records were dropped, so that only a rebuild restores them. Reading resets it. */
    takeLost(): boolean {
      const answer = lost
      lost = false
      return answer
    },
    /** Drops the records that are not yet written, and stops. */
    close(): void {
      closing = true
      clearTimeout(timer)
      unwritten.clear()
    },
    /** Writes the records that are not yet written; returns true if Redis then has every added record. */
    async drain(): Promise<boolean> {
      closing = true
      clearTimeout(timer)
      timer = undefined
      await writing
      start()
      await writing
      return unwritten.size() === 0 && !given
    },
  }
}
