import { setTimeout as pause } from 'node:timers/promises'
import type { Logger, Pointers } from '@agentfleet/adapters'
import { createOwnedCache, type TaskRecord } from '@agentfleet/domain'
import { reissuedPointer } from '@agentfleet/protocol'
import type { TaskTable } from '../follower/task-table.ts'

/** What issues pointers for fenced starts. */
export type Issuer = ReturnType<typeof createIssuer>

/**
 * Milliseconds between checks. The acknowledgement of the last run's pointer may still be on its
 * way; after that the sweep repairs the task.
 */
const AGAIN_AFTER_MS = [50, 200, 600]

/** The number of issued pointers that are remembered; a tenant with many loses its own oldest first. */
const ISSUED_MAX = 10_000

/**
 * Issues pointers for fenced starts of the tasks in this table. Invariants: one call works on a task at a time; the same
 * state of a task gets no second pointer from this process; a task that has moved on gets none.
 */
export function createIssuer(deps: {
  readonly tasks: Pick<TaskTable, 'get'>
  readonly pointers: Pick<Pointers, 'issueSurely'>
  readonly log: Logger
}) {
  const { tasks, pointers, log } = deps
  const issuing = new Set<string>()
  // The task sequence at which a pointer was issued; the same state needs no further check.
  const issuedAt = createOwnedCache<number>({ entriesMax: ISSUED_MAX, sizeMax: ISSUED_MAX })
  let closed = false

  const tryOnce = async (record: TaskRecord, runsAt?: string): Promise<boolean> => {
    try {
      const pointer = reissuedPointer(record)
      const outcome = await (runsAt === undefined
        ? pointers.issueSurely(pointer, record.spec.priority)
        : pointers.issueSurely({ ...pointer, node: runsAt }, 'running'))
      if (outcome !== 'issued') return false
      issuedAt.set(record.tenant, record.taskId, record.seq, 1)
      return true
    } catch (error) {
      log.warn(
        { err: error, taskId: record.taskId },
        'The coordinator could not put the pointer of a task into its queue; it tries again in its next round',
      )
      return false
    }
  }

  const alone = async ({ taskId }: TaskRecord, run: () => Promise<boolean>): Promise<boolean> => {
    if (closed || issuing.has(taskId)) return false
    issuing.add(taskId)
    try {
      return await run()
    } finally {
      issuing.delete(taskId)
    }
  }

  const movedOn = ({ taskId, seq }: TaskRecord): boolean => {
    const now = tasks.get(taskId)
    return now === undefined || now.seq > seq
  }

  return {
    /**
     * Returns whether this call issued the pointer; false if one exists or if the outcome is unknown. With `runsAt`, the
     * run that exists on this node adopts the pointer.
     */
    once: (record: TaskRecord, runsAt?: string) => alone(record, () => tryOnce(record, runsAt)),
    /** Like `once`, but repeats the check several times: an existing pointer may be about to be acknowledged. */
    surely: (record: TaskRecord) =>
      alone(record, async () => {
        if (issuedAt.get(record.tenant, record.taskId) === record.seq) return false
        if (await tryOnce(record)) return true
        for (const waitMs of AGAIN_AFTER_MS) {
          await pause(waitMs)
          if (closed || movedOn(record)) return false
          if (await tryOnce(record)) return true
        }
        return false
      }),
    close(): void {
      closed = true
    },
  }
}
