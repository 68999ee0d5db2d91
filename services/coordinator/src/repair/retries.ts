import { decideRepair, type TaskRecord } from '@agentfleet/domain'
import { createDueTimes } from '../due/due-times.ts'
import { createInTurn } from '../due/in-turn.ts'
import type { PartDeps } from '../deps.ts'

/** Pointers issued in parallel; tenants take turns, and each has its share of them. */
const PARALLEL = 500
/**
 * Retries that begin to wait for their turn in one round, so that no round blocks the process for long. Those that
 * wait already do not count, because they would keep the retries of other tenants out; all are tasks of the table (L7).
 */
const ROUND_MAX = 20_000

/**
 * Issues the pointer of each retry that has come due, once; calls `issued` for each. A task stays `retrying` while its
 * pointer waits for a node, so without this memory every round would append again.
 */
export function createRetries(
  deps: Pick<PartDeps, 'tasks' | 'issuer' | 'timing' | 'nowMs' | 'tenants'>,
  issued: () => void,
) {
  const { tasks, issuer, timing, nowMs } = deps
  const due = createDueTimes(tasks)
  const turns = createInTurn<string>(PARALLEL, deps.tenants, async (taskId) => {
    const record = tasks.get(taskId)
    if (record?.state !== 'retrying') return
    const { kind } = decideRepair(record, undefined, timing, nowMs())
    if (kind === 'issue-pointer' && (await issuer.surely(record))) issued()
  })

  return {
    /** Handles the record after an event. */
    note({ tenant, taskId, state, retryAtMs, updatedAtMs }: TaskRecord): void {
      if (state === 'retrying') due.add(tenant, taskId, retryAtMs ?? updatedAtMs)
    },
    /** Starts to issue the pointers that are due, without waiting. */
    run(): void {
      for (const { tenant, taskId } of due.takeDue(nowMs(), ROUND_MAX)) turns.add(tenant, taskId)
    },
  }
}
