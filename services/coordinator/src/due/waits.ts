import { awaitedTasks, isTerminal, type TaskRecord } from '@agentfleet/domain'
import { createDueTimes } from './due-times.ts'
import { createInTurn } from './in-turn.ts'
import { createKnownFates } from './known-fates.ts'
import { endIfDue } from './wait-end.ts'
import type { PartDeps } from '../deps.ts'

type WaitDeps = Pick<
  PartDeps,
  'tasks' | 'taskLog' | 'store' | 'issuer' | 'log' | 'nowMs' | 'tenants'
>

const PARALLEL = 64
const AGAIN_AFTER_MS = 1_000
/** Tasks whose waits begin to end in one round, in which tenants take turns. */
const DUE_MAX = 10_000

/**
 * Ends the waits of tasks: it examines a task when something that the task waits for may have happened, appends
 * the event that ends the wait, and issues the pointer.
 *
 * It examines a task after the follower has read the task's last event or an end event that it waits for, at
 * its due time, and in a slow sweep (L8). Every coordinator does this; compare-and-set lets one of them succeed
 * (L2). Invariants: it examines no task before the table has caught up with the log; it repeats an examination
 * that got no answer; at most PARALLEL run at once, of a tenant at most its share, and tenants take turns (L7).
 */
export function createWaits(deps: WaitDeps) {
  const { tasks, log } = deps
  const times = createDueTimes(tasks)
  // Tasks whose end event this process appended and that the table still shows as unfinished.
  const justEnded = new Set<string>()
  const knownFates = createKnownFates(deps)
  let following = false

  // A task that waits for ten ended tasks is examined once.
  const pending = createInTurn<string>(PARALLEL, deps.tenants, (taskId) =>
    look(taskId).catch((error: unknown) => {
      log.warn(
        { err: error, taskId },
        'The coordinator could not check a waiting task; it tries again',
      )
      setTimeout(note, AGAIN_AFTER_MS, taskId)
    }),
  )
  const note = (taskId: string): void => {
    const record = tasks.get(taskId)
    if (following && record !== undefined) pending.add(record.tenant, taskId)
  }

  const isOpen = (id: string): boolean => tasks.get(id) !== undefined && !justEnded.has(id)

  const look = async (taskId: string): Promise<void> => {
    const record = tasks.get(taskId)
    if (record?.waitingFor === undefined) return
    const awaited = awaitedTasks(record.waitingFor)
    // A missing child is still to be created; a missing dependency was trimmed, because it existed
    // at submission.
    const absent = record.waitingFor.kind === 'children' ? 'open' : 'gone'
    await endIfDue(deps, record, await knownFates.of(record.tenant, awaited, isOpen, absent))
  }

  const noteRecord = (record: TaskRecord): void => {
    const { waitingFor } = record
    if (waitingFor?.kind === 'time') times.add(record.tenant, record.taskId, waitingFor.untilMs)
    else if (waitingFor?.kind === 'children' || waitingFor?.kind === 'dependencies') {
      if (!waitingFor.taskIds.every((id) => tasks.get(id) !== undefined)) note(record.taskId)
    }
  }

  return {
    /** Handles the record after an event that the follower has read. */
    followed(record: TaskRecord): void {
      if (!following) return
      justEnded.delete(record.taskId)
      if (isTerminal(record.state)) for (const id of tasks.waitersOf(record.taskId)) note(id)
      else noteRecord(record)
    },
    /** Handles an end event that was just appended and that the follower has not read yet. */
    ended(taskId: string): void {
      const waiters = [...tasks.waitersOf(taskId)]
      if (waiters.length === 0 || tasks.get(taskId) === undefined) return
      justEnded.add(taskId)
      for (const id of waiters) note(id)
    },
    /** Examines every task in the table; call it when the table has caught up. */
    begin(): void {
      following = true
      // The follower has read these ends before.
      for (const taskId of justEnded) if (tasks.get(taskId) === undefined) justEnded.delete(taskId)
      for (const taskId of tasks.waiting()) noteRecord(tasks.get(taskId)!)
    },
    /** Examines the tasks that are due now. */
    due(): void {
      for (const { taskId } of times.takeDue(deps.nowMs(), DUE_MAX)) note(taskId)
    },
    /** Examines every waiting task. */
    sweep(): void {
      for (const taskId of tasks.waiting()) note(taskId)
    },
    close: pending.close,
  }
}
