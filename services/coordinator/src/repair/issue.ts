import type { Logger, Pointers } from '@agentfleet/adapters'
import type { TaskRecord } from '@agentfleet/domain'
import { reissuedPointer } from '@agentfleet/protocol'
import type { TaskTable } from '../follower/task-table.ts'

/**
 * Issues pointers for fenced starts. Invariants: a task is worked on once at a time; a pointer that was
 * issued is not issued again by the same call; a task that has moved on gets none.
 */
export interface Issuer {
  /** Whether this call issued the pointer; false when there is one or nothing is known. */
  once(record: TaskRecord): Promise<boolean>
  /** The same, looking again a few times: a pointer that is present may be about to be acked. */
  surely(record: TaskRecord): Promise<boolean>
  close(): void
}

/** The ack of the last run's pointer may still be on its way; the sweep is the last line, milliseconds. */
const AGAIN_AFTER_MS = [50, 200, 600]

/** Issued pointers that are remembered. */
const ISSUED_MAX = 10_000

/** Issues pointers of the tasks in this table. */
export function createIssuer(deps: {
  readonly tasks: Pick<TaskTable, 'get'>
  readonly pointers: Pick<Pointers, 'issueSurely'>
  readonly log: Logger
}): Issuer {
  const { tasks, pointers, log } = deps
  const issuing = new Set<string>()
  // The state of a task for which a pointer was issued: whether that one is present needs no question.
  const issuedAt = new Map<string, number>()
  let closed = false

  const tryOnce = async (record: TaskRecord): Promise<boolean> => {
    try {
      const pointer = reissuedPointer(record)
      const outcome = await pointers.issueSurely(pointer, record.spec.priority)
      if (outcome !== 'issued') return false
      if (issuedAt.size >= ISSUED_MAX) issuedAt.clear()
      issuedAt.set(record.taskId, record.seq)
      return true
    } catch (error) {
      log.warn({ err: error, taskId: record.taskId }, 'pointer not issued yet')
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
    once: (record) => alone(record, () => tryOnce(record)),
    surely: (record) =>
      alone(record, async () => {
        if (issuedAt.get(record.taskId) === record.seq) return false
        if (await tryOnce(record)) return true
        for (const waitMs of AGAIN_AFTER_MS) {
          await new Promise((resolve) => setTimeout(resolve, waitMs))
          if (closed || movedOn(record)) return false
          if (await tryOnce(record)) return true
        }
        return false
      }),
    close() {
      closed = true
    },
  }
}
