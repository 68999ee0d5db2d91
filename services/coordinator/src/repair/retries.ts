import { decideRepair, type TaskRecord, type Timing } from '@agentfleet/domain'
import { createDueTimes } from '../due/due-times.ts'
import type { TaskTable } from '../follower/task-table.ts'
import type { Issuer } from './issue.ts'

/**
 * Issues the pointers of retries that have come due, each once: the task stays `retrying` while its
 * pointer waits for a node, and must not cost an append in every round meanwhile.
 */
export interface Retries {
  /** Takes note of the record after an event. */
  note(record: TaskRecord): void
  /** Begins to issue what is due, without waiting for it. */
  run(): void
}

/** Pointers being issued at once; what is due beyond that waits for the next round. */
const PARALLEL = 500

/** Retries of nothing yet. */
export function createRetries(deps: {
  readonly tasks: TaskTable
  readonly issuer: Issuer
  readonly timing: Pick<Timing, 'followAfterMs'>
  readonly nowMs: () => number
  /** Called for each pointer that was issued. */
  readonly issued: () => void
}): Retries {
  const { tasks, issuer, timing, nowMs, issued } = deps
  const due = createDueTimes()
  let running = 0

  const issue = async (record: TaskRecord): Promise<void> => {
    running += 1
    try {
      if (await issuer.surely(record)) issued()
    } finally {
      running -= 1
    }
  }

  return {
    note({ taskId, state, retryAtMs, updatedAtMs }) {
      if (state === 'retrying') due.add(taskId, retryAtMs ?? updatedAtMs)
    },
    run() {
      const now = nowMs()
      for (const taskId of due.takeDue(now, PARALLEL - running)) {
        const record = tasks.get(taskId)
        if (record?.state !== 'retrying') continue
        const { kind } = decideRepair(record, undefined, timing, now)
        if (kind === 'issue-pointer') void issue(record)
      }
    },
  }
}
