import type { Logger } from '@agentfleet/adapters'
import { deadlineAtMs, type TaskRecord } from '@agentfleet/domain'
import { createDueTimes } from '../due/due-times.ts'
import type { TaskTable } from '../follower/task-table.ts'
import { inParallel } from './in-parallel.ts'

/**
 * Ends tasks whose lifetime is over. Both instants are of the log's clock: when the log stored the task
 * and now. A round costs what is due, however many tasks are unfinished.
 */
export interface Deadlines {
  /** Takes note of a task that was submitted. */
  note(record: TaskRecord): void
  /** Ends what is over; how many tasks that were. */
  run(): Promise<number>
}

/** Tasks ended in one round. */
const ROUND_MAX = 2_000
/** A task that could not be ended is looked at again after this, milliseconds. */
const AGAIN_AFTER_MS = 1_000
/** So many instants of tasks that have ended are kept beside those of unfinished ones. */
const SPARE_MAX = 10_000

/** Deadlines of nothing yet. */
export function createDeadlines(deps: {
  readonly tasks: TaskTable
  readonly expire: (record: TaskRecord) => Promise<void>
  readonly log: Logger
  readonly nowMs: () => number
}): Deadlines {
  const { tasks, expire, log, nowMs } = deps
  let ends = createDueTimes()

  const note = (record: TaskRecord): void => ends.add(record.taskId, deadlineAtMs(record))

  const forgetEnded = (): void => {
    if (ends.size() <= 2 * tasks.size() + SPARE_MAX) return
    ends = createDueTimes()
    for (const record of tasks.records()) note(record)
  }

  return {
    note,
    async run() {
      forgetEnded()
      const now = nowMs()
      const over = ends.takeDue(now, ROUND_MAX).flatMap((taskId) => tasks.get(taskId) ?? [])
      await inParallel(over, async (record) => {
        // Taken out for good when the follower has read the ending.
        ends.add(record.taskId, now + AGAIN_AFTER_MS)
        await expire(record).catch((error: unknown) =>
          log.warn({ err: error, taskId: record.taskId }, 'task not ended at its deadline yet'),
        )
      })
      return over.length
    },
  }
}
