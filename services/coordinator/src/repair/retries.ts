import { decideRepair, type TaskRecord, type Timing } from '@agentfleet/domain'
import { createDueTimes } from '../due/due-times.ts'
import type { TaskTable } from '../follower/task-table.ts'
import type { Issuer } from './issue.ts'

/**
 * Issues the pointer of each retry that has come due, once. A task stays `retrying` while its
 * pointer waits for a node, so without this memory every round would append again.
 */
export interface Retries {
  /** Handles the record after an event. */
  note(record: TaskRecord): void
  /** Starts to issue the pointers that are due, without waiting. */
  run(): void
}

/** Pointers issued in parallel; the rest waits for the next round. */
const PARALLEL = 500

/** Creates an empty set of retries. */
export function createRetries(deps: {
  readonly tasks: TaskTable
  readonly issuer: Issuer
  readonly timing: Pick<Timing, 'followAfterMs'>
  readonly nowMs: () => number
  /** Called for each pointer that was issued. */
  readonly issued: () => void
}): Retries {
  const { issuer, timing, nowMs, issued } = deps
  const due = createDueTimes(deps.tasks)
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
      for (const record of due.takeDue(now, PARALLEL - running)) {
        if (record.state !== 'retrying') continue
        const { kind } = decideRepair(record, undefined, timing, now)
        if (kind === 'issue-pointer') void issue(record)
      }
    },
  }
}
