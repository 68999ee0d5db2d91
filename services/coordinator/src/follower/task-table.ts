import {
  awaitedTasks,
  createCompactingMap,
  isTerminal,
  transition,
  type TaskEvent,
  type TaskRecord,
} from '@agentfleet/domain'
import type { TailedEvent } from '@agentfleet/adapters'
import type { TenantQueue } from '@agentfleet/protocol'
import { createTaskQueues } from './task-queues.ts'

/**
 * Every unfinished task, folded from the log in the order of the log.
 *
 * Invariants: a task is in the table from its `submitted` to its terminal event and no longer; the
 * first entry is the oldest unfinished submission, since tasks enter in log order. The journal is
 * left out (`calls` stays empty): whoever resumes a run reads it from the log. Beside the records
 * stand who awaits whom, and which children were announced by their parent and have not been seen.
 */
export interface TaskTable {
  /** Folds one event in; the record after it, or undefined when it changed nothing. */
  apply(event: TailedEvent): TaskRecord | undefined
  get(taskId: string): TaskRecord | undefined
  /** Unfinished tasks, oldest first. */
  records(): IterableIterator<TaskRecord>
  /** Tasks that wait for their next attempt. */
  retrying(): IterableIterator<string>
  /** Tasks that wait without a slot and without a pointer. */
  waiting(): IterableIterator<string>
  /** Tasks that await the ending of this one. */
  waitersOf(taskId: string): Iterable<string>
  /** Whether some unfinished task awaits the ending of this one. */
  isAwaited(taskId: string): boolean
  /** Children that `spawned` announced, whose `submitted` has not come, by the id of their parent. */
  unborn(): IterableIterator<[childId: string, unborn: Unborn]>
  /** Unfinished children whose parent has ended, or was never seen. */
  orphans(): IterableIterator<string>
  /** Queues in which unfinished tasks have, or must get, their pointers. */
  queues(): TenantQueue[]
  /** Tasks that must have a pointer now. */
  runnable(): number
  size(): number
  oldest(): TaskRecord | undefined
  /** Oldest log sequence that an unfinished task still needs; undefined: none does. */
  neededFrom(): number | undefined
}

/** A child that is announced and not seen. */
export interface Unborn {
  readonly parentId: string
  readonly atMs: number
}

/** An empty table. */
export function createTaskTable(): TaskTable {
  const tasks = createCompactingMap<string, TaskRecord>()
  const retrying = new Set<string>()
  const waiting = new Set<string>()
  const waiters = new Map<string, Set<string>>()
  const unborn = new Map<string, Unborn>()
  const orphans = new Set<string>()
  const queues = createTaskQueues()
  // Tasks that need results older than themselves: few, and only while they are unfinished.
  const needs = new Map<string, number>()

  const keepIndexes = (before: TaskRecord | undefined, record: TaskRecord): void => {
    const { taskId, state, waitingFor, neededFrom } = record
    mark(retrying, taskId, state === 'retrying')
    mark(waiting, taskId, state === 'waiting')
    if (before?.waitingFor !== waitingFor) {
      for (const awaited of awaitedTasks(before?.waitingFor)) {
        const those = waiters.get(awaited)
        those?.delete(taskId)
        if (those?.size === 0) waiters.delete(awaited)
      }
      for (const awaited of awaitedTasks(waitingFor)) {
        const those = waiters.get(awaited) ?? new Set()
        waiters.set(awaited, those.add(taskId))
      }
    }
    if (neededFrom !== undefined && !isTerminal(state)) needs.set(taskId, neededFrom)
    else needs.delete(taskId)
  }

  const keepFamily = (record: TaskRecord, event: TaskEvent): void => {
    const { taskId, state, children, parent } = record
    if (event.type === 'submitted') {
      unborn.delete(taskId)
      mark(orphans, taskId, parent !== undefined && !tasks.has(parent.taskId))
    }
    if (event.type === 'spawned') {
      const announced = { parentId: taskId, atMs: event.atMs }
      for (const child of event.children) {
        if (!tasks.has(child.taskId)) unborn.set(child.taskId, announced)
      }
    }
    if (!isTerminal(state)) return
    orphans.delete(taskId)
    for (const child of children) {
      // Nobody makes children of a task that has ended.
      unborn.delete(child.taskId)
      if (tasks.has(child.taskId)) orphans.add(child.taskId)
    }
  }

  return {
    apply({ taskId, event, seq, storedAtMs }) {
      const before = tasks.get(taskId)
      const outcome = transition(taskId, before, event, seq, storedAtMs)
      if (outcome.kind === 'stale') {
        // Appends have to expect it all the same.
        if (outcome.record !== undefined) tasks.set(taskId, { ...outcome.record, calls: [] })
        return undefined
      }
      const record = { ...outcome.record, calls: [] }
      if (isTerminal(record.state)) tasks.delete(taskId)
      else tasks.set(taskId, record)
      queues.note(before, record)
      keepIndexes(before, record)
      keepFamily(record, event)
      return record
    },
    get: (taskId) => tasks.get(taskId),
    records: () => tasks.values(),
    retrying: () => retrying.values(),
    waiting: () => waiting.values(),
    waitersOf: (taskId) => waiters.get(taskId) ?? [],
    isAwaited: (taskId) => waiters.has(taskId),
    unborn: () => unborn.entries(),
    orphans: () => orphans.values(),
    queues: queues.queues,
    runnable: () => queues.size() - retrying.size,
    size: () => tasks.size,
    oldest: () => tasks.values().next().value,
    neededFrom() {
      const oldest = tasks.values().next().value
      if (oldest === undefined) return undefined
      let least = oldest.submittedSeq
      for (const seq of needs.values()) least = Math.min(least, seq)
      return least
    },
  }
}

function mark(set: Set<string>, taskId: string, belongs: boolean): void {
  if (belongs) set.add(taskId)
  else set.delete(taskId)
}
