import type { Bus, Logger, Store, TaskLog } from '@agentfleet/adapters'
import { decideTrim } from '@agentfleet/domain'
import { compactLog } from './compaction.ts'
import type { TaskTable } from './task-table.ts'

/**
 * Trims LOG (L7): one purge by sequence removes everything before the oldest event that an
 * unfinished task or the retention time still needs; a compaction removes what has expired behind
 * it. Invariant: no event of an unfinished task leaves the log, and none whose result one reads.
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
  readonly bus: Bus
  readonly taskLog: TaskLog
  readonly store: Store
  readonly tasks: TaskTable
  readonly log: Logger
  readonly retentionMs: number
  readonly nowMs: () => number
}): Trimmer {
  let marks: Mark[] = []
  // Of the last compaction; a restarted coordinator makes one more.
  let kept = 0
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
      const recent = marks.filter((mark) => mark.atMs > expired.atMs)
      const keepFrom = recent.reduce(
        (least, mark) => Math.min(least, mark.neededFrom),
        Math.min(expired.seq + 1, deps.tasks.neededFrom() ?? Infinity),
      )
      const { firstSeq, lastSeq, messages, bytes, maxBytes } = await deps.taskLog.fill()
      const fill = maxBytes > 0 ? bytes / maxBytes : 0
      const state = { firstSeq, lastSeq, messages, fill, expiredSeq: expired.seq, keepFrom, kept }
      const decision = decideTrim(state)
      if (decision.kind === 'purge') {
        const confirmed = await deps.taskLog.purgeBefore(keepFrom)
        deps.log.info(
          { keepFrom, firstSeq, confirmed },
          'The coordinator removed expired events from the log (trim)',
        )
      }
      if (decision.kind === 'compact') {
        const report = await compactLog(deps, decision)
        kept = report.kept
        deps.log.info(
          { ...decision, ...report },
          'The coordinator removed expired events behind an old task from the log (compaction)',
        )
      }
      // The mark holds events up to a second later; entries whose records still exist stay.
      await deps.store.forgetBefore(expired.atMs + MARK_EVERY_MS)
      marks = [expired, ...recent]
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
