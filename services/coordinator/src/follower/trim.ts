import type { Bus, Logger, Store, TaskLog } from '@agentfleet/adapters'
import { decideTrim } from '@agentfleet/domain'
import { compactLog } from './compaction.ts'
import type { TaskTable } from './task-table.ts'

/**
 * Trims LOG (L7): one purge by sequence removes everything before the oldest event that an unfinished task or the
 * retention time still needs; a compaction removes what has expired behind it. Ended tasks expire after the
 * retention time, or earlier if more than `retentionTasks` have ended since, but not before `keptAtLeastMs`.
 * Invariant: no event of an unfinished task leaves the log, and no event whose result an unfinished task reads.
 */
interface Trimmer {
  /**
   * Records an event: its time, its sequence, and for an end event the first sequence that the task
   * still needs.
   */
  note(atMs: number, seq: number, neededFrom: number): void
  trim(): Promise<void>
  /** Tasks that ended at this time or before have expired. */
  expiredMs(): number
}

interface Mark {
  readonly atMs: number
  /** The last sequence within this mark. */
  seq: number
  /** The oldest first sequence of the tasks that ended within this mark. */
  neededFrom: number
  /** Tasks that ended within this mark. */
  ended: number
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
  /** The most ended tasks to keep. */
  readonly retentionTasks: number
  /** Milliseconds for which an ended task is kept, however many end. */
  readonly keptAtLeastMs: number
  readonly nowMs: () => number
}): Trimmer {
  let marks: Mark[] = []
  // The state of the last compaction; a coordinator that restarts forgets it and makes one more.
  let kept = 0
  let cutMs = 0

  const byTime = (): number => deps.nowMs() - deps.retentionMs
  /** The time before which too many tasks ended since; it never moves back. */
  const byCount = (): number => {
    let ended = marks.at(-1)?.ended ?? 0
    for (let index = marks.length - 2; index >= 0; index -= 1) {
      const mark = marks[index]!
      ended += mark.ended
      if (ended <= deps.retentionTasks) continue
      cutMs = Math.max(cutMs, Math.min(mark.atMs, deps.nowMs() - deps.keptAtLeastMs))
      break
    }
    return cutMs
  }

  return {
    expiredMs: () => Math.max(byTime(), cutMs),
    note(atMs, seq, neededFrom) {
      const ended = neededFrom === Infinity ? 0 : 1
      const last = marks.at(-1)
      if (last !== undefined && atMs - last.atMs < MARK_EVERY_MS) {
        last.seq = Math.max(last.seq, seq)
        last.neededFrom = Math.min(last.neededFrom, neededFrom)
        last.ended += ended
        return
      }
      marks.push({ atMs, seq, neededFrom, ended })
      if (marks.length > MARKS_MAX) marks = thinned(marks)
    },
    async trim() {
      const tooMany = byCount() > byTime()
      const expiredMs = Math.max(byTime(), cutMs)
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
          'The coordinator removed expired events from the middle of the log (compaction)',
        )
      }
      // The mark holds events up to a second later; entries whose records still exist stay.
      await deps.store.forgetBefore(
        expired.atMs + MARK_EVERY_MS,
        tooMany ? { endedBeforeMs: expired.atMs + MARK_EVERY_MS } : undefined,
      )
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
    const ended = mark.ended + next.ended
    return [{ atMs: mark.atMs, seq: next.seq, neededFrom, ended }]
  })
}
