import type { Logger, Store } from '@agentfleet/adapters'
import type { TaskRecord } from '@agentfleet/domain'

/**
 * Carries records to Redis, newest version of each, in batches that form while a write is under way.
 *
 * States: clean (nothing to write), writing, away (the store does not answer). When more piles up
 * than `DIRTY_MAX` the projector gives up on single records and asks for a rebuild from the log
 * (`lost()`), so a long outage of Redis costs no memory (L7, L8).
 */
export interface Projector {
  add(record: TaskRecord): void
  /** Whether everything added so far is in the store. */
  clean(): boolean
  /** Whether records were given up: only a rebuild brings them back. Asking resets it. */
  takeLost(): boolean
  drain(): Promise<void>
}

const BATCH_MAX = 500
const DIRTY_MAX = 200_000
const RETRY_AFTER_MS = 500
/** A batch forms for this long at the most: reads behind it fold the log meanwhile, milliseconds. */
const GATHER_MS = 40

/** Starts with nothing to write. */
export function createProjector(store: Store, retentionMs: number, log: Logger): Projector {
  let dirty = new Map<string, TaskRecord>()
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let lost = false
  let away = false
  let closing = false

  const write = async (): Promise<void> => {
    while (dirty.size > 0) {
      const batch = [...dirty.values()].slice(0, BATCH_MAX)
      if (batch.length === dirty.size) dirty = new Map()
      else for (const record of batch) dirty.delete(record.taskId)
      try {
        await store.project(batch, retentionMs)
        if (away) log.info({}, 'store answers again')
        away = false
      } catch (error) {
        if (!away) log.warn({ err: error }, 'store does not take records')
        away = true
        // Newer versions that came meanwhile win.
        for (const record of batch) if (!dirty.has(record.taskId)) dirty.set(record.taskId, record)
        if (dirty.size > DIRTY_MAX) {
          dirty = new Map()
          lost = true
        }
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
      const waiting = dirty.get(record.taskId)
      if (waiting === undefined || waiting.seq < record.seq) dirty.set(record.taskId, record)
      if (writing === undefined) schedule()
    },
    clean: () => dirty.size === 0 && writing === undefined,
    takeLost() {
      const answer = lost
      lost = false
      return answer
    },
    async drain() {
      closing = true
      clearTimeout(timer)
      start()
      await writing
    },
  }
}
