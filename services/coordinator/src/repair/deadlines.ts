import { deadlineAtMs, type TaskRecord } from '@agentfleet/domain'
import { inParallel } from '@agentfleet/runtime'
import { createDueTimes } from '../due/due-times.ts'
import { REPAIRS_AT_ONCE } from '../log-limits.ts'
import type { PartDeps } from '../deps.ts'

/** The most tasks failed in one round, in which tenants take turns. */
const ROUND_MAX = 2_000
/** Milliseconds until a task that could not be failed is tried again. */
const AGAIN_AFTER_MS = 1_000

/**
 * Fails tasks at their deadlines. Both times come from the log's clock: the time at which the log stored the
 * task, and the present. A round costs only the tasks that are due, however many are unfinished.
 */
export function createDeadlines(
  deps: Pick<PartDeps, 'tasks' | 'log' | 'nowMs'>,
  expire: (record: TaskRecord) => Promise<void>,
) {
  const { log, nowMs } = deps
  const ends = createDueTimes(deps.tasks)

  return {
    /** Records the deadline of a task that was submitted. */
    note: (record: TaskRecord) => ends.add(record.tenant, record.taskId, deadlineAtMs(record)),
    /** Fails the tasks that are due and returns their number. */
    async run(): Promise<number> {
      const now = nowMs()
      const over = ends.takeDue(now, ROUND_MAX)
      await inParallel(over, REPAIRS_AT_ONCE, async (record) => {
        // The entry is removed when the follower has read the end event.
        ends.add(record.tenant, record.taskId, now + AGAIN_AFTER_MS)
        await expire(record).catch((error: unknown) =>
          log.warn(
            { err: error, taskId: record.taskId },
            'The coordinator could not end a task whose deadline has passed; it tries again',
          ),
        )
      })
      return over.length
    },
  }
}
