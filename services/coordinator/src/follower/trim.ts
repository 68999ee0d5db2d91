import type { Logger, Store, TaskLog } from '@agentfleet/adapters'
import type { TaskTable } from './task-table.ts'

/**
 * Trims LOG (L7): one purge by sequence removes everything before the oldest event that an
 * unfinished task or the retention time still needs. Invariant: no event of an unfinished task is
 * purged.
 */
export interface Trimmer {
  /**
   * Records an event: its time, its sequence, and for an end event the first sequence that the task
   * still needs.
   */
  note(atMs: number, seq: number, neededFrom: number): void
  trim(): Promise<void>
}

interface Mark {
  readonly atMs: number
  /** The last sequence within this mark. */
  seq: number
  /** The oldest first sequence of the tasks that ended within this mark. */
  neededFrom: number
}

/** Milliseconds between marks; precise enough to find a sequence by time. */
const MARK_EVERY_MS = 1_000
/** The most marks; beyond it neighbours are merged. */
const MARKS_MAX = 100_000

/** Creates a trimmer that has seen no events. */
export function createTrimmer(deps: {
  readonly taskLog: TaskLog
  readonly store: Store
  readonly tasks: TaskTable
  readonly log: Logger
  readonly retentionMs: number
  readonly nowMs: () => number
}): Trimmer {
  let marks: Mark[] = []
  return {
    note(atMs, seq, neededFrom) {
      const last = marks.at(-1)
      if (last !== undefined && atMs - last.atMs < MARK_EVERY_MS) {
        last.seq = Math.max(last.seq, seq)
        last.neededFrom = Math.min(last.neededFrom, neededFrom)
        return
      }
      marks.push({ atMs, seq, neededFrom })
      if (marks.length > MARKS_MAX) marks = thinned(marks)
    },
    async trim() {
      const expiredMs = deps.nowMs() - deps.retentionMs
      const expired = marks.findLast((mark) => mark.atMs <= expiredMs)
      if (expired === undefined) return
      const oldest = deps.tasks.oldest()
      const kept = marks.filter((mark) => mark.atMs > expired.atMs)
      const keepFrom = kept.reduce(
        (least, mark) => Math.min(least, mark.neededFrom),
        Math.min(expired.seq + 1, deps.tasks.neededFrom() ?? Infinity),
      )
      const { firstSeq } = await deps.taskLog.fill()
      if (keepFrom > firstSeq) {
        const confirmed = await deps.taskLog.purgeBefore(keepFrom)
        deps.log.info({ keepFrom, firstSeq, confirmed }, 'The coordinator trimmed the log')
      }
      await deps.store.forgetBefore(Math.min(expired.atMs, oldest?.submittedAtMs ?? Infinity))
      marks = [expired, ...kept]
    },
  }
}

function thinned(marks: readonly Mark[]): Mark[] {
  return marks.flatMap((mark, index) => {
    if (index % 2 === 1) return []
    const next = marks[index + 1]
    if (next === undefined) return [mark]
    const neededFrom = Math.min(mark.neededFrom, next.neededFrom)
    return [{ atMs: mark.atMs, seq: next.seq, neededFrom }]
  })
}
