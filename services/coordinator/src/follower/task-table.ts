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
 * Every unfinished task, folded from the log in order.
 *
 * Invariants: a task is in the table exactly from its `submitted` to its end event; the first entry
 * is the oldest unfinished submission, because tasks enter in log order. The table keeps no journal
 * (`calls` is empty); a run that resumes reads it from the log. The table also keeps which task
 * waits for which, and which announced children have not appeared yet.
 */
export interface TaskTable {
  /** Folds one event; returns the record after it, or undefined if the event changed nothing. */
  apply(event: TailedEvent): TaskRecord | undefined
  get(taskId: string): TaskRecord | undefined
  /** Returns the unfinished tasks, oldest first. */
  records(): IterableIterator<TaskRecord>
  /** Returns the tasks that wait for their next attempt. */
  retrying(): IterableIterator<string>
  /** Returns the tasks that wait without a slot and without a pointer. */
  waiting(): IterableIterator<string>
  /** Returns the tasks that wait for the end of this one. */
  waitersOf(taskId: string): Iterable<string>
  /** Whether an unfinished task waits for the end of this one. */
  isAwaited(taskId: string): boolean
  /** Returns the children that `spawned` announced and whose `submitted` is still missing. */
  unborn(): IterableIterator<[childId: string, unborn: Unborn]>
  /** Returns the unfinished children whose parent has ended or never appeared. */
  orphans(): IterableIterator<string>
  /** Returns the queues in which unfinished tasks have or need pointers. */
  queues(): TenantQueue[]
  /** Returns the number of tasks that need a pointer now. */
  runnable(): number
  size(): number
  /**
   * Returns the oldest log sequence that an unfinished task still needs; undefined if none does.
   */
  neededFrom(): number | undefined
  /**
   * Drops tasks whose beginning the log no longer has, and returns their ids: only tasks that have ended are
   * purged, so their end was purged before it was read.
   */
  dropBefore(firstSeq: number): string[]
  /** Drops these tasks: the log no longer has any of their events. */
  drop(taskIds: readonly string[]): void
}

/** A child that was announced and has not appeared. */
export interface Unborn {
  readonly parentId: string
  readonly atMs: number
}

/** Creates an empty table. */
export function createTaskTable(): TaskTable {
  const tasks = createCompactingMap<string, TaskRecord>()
  const retrying = new Set<string>()
  const waiting = new Set<string>()
  const waiters = new Map<string, Set<string>>()
  const unborn = new Map<string, Unborn>()
  const orphans = new Set<string>()
  const queues = createTaskQueues()
  // Few tasks need results older than themselves, and only while they are unfinished.
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
      // A task that has ended creates no more children.
      unborn.delete(child.taskId)
      if (tasks.has(child.taskId)) orphans.add(child.taskId)
    }
  }

  const drop = (taskId: string): void => {
    const record = tasks.get(taskId)
    if (record === undefined) return
    tasks.delete(taskId)
    const ended: TaskRecord = { ...record, state: 'cancelled' }
    queues.note(record, ended)
    retrying.delete(taskId)
    waiting.delete(taskId)
    needs.delete(taskId)
    orphans.delete(taskId)
    for (const awaited of awaitedTasks(record.waitingFor)) {
      const those = waiters.get(awaited)
      those?.delete(taskId)
      if (those?.size === 0) waiters.delete(awaited)
    }
    for (const child of record.children) unborn.delete(child.taskId)
  }

  return {
    apply({ taskId, event, seq, storedAtMs }) {
      const before = tasks.get(taskId)
      const outcome = transition(taskId, before, event, seq, storedAtMs)
      if (outcome.kind === 'stale') {
        // The stale event changes nothing, but the next append must expect its sequence.
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
    dropBefore(firstSeq) {
      const ghosts: string[] = []
      for (const record of tasks.values()) {
        // In order of their submissions.
        if (record.submittedSeq >= firstSeq) break
        ghosts.push(record.taskId)
      }
      for (const taskId of ghosts) drop(taskId)
      return ghosts
    },
    drop(taskIds) {
      for (const taskId of taskIds) drop(taskId)
    },
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
