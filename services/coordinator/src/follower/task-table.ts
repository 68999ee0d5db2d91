import {
  awaitedTasks,
  createCompactingMap,
  factsOf,
  isTerminal,
  SPEC_KEPT_MAX_BYTES,
  transition,
  withoutLargeWaits,
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
 * (`calls` is empty) and no large spec, and at most SPECS_MAX_BYTES of small ones: `omitted` marks a
 * record whose texts only the log has (L7). The table also keeps which task
 * waits for which, and which announced children have not appeared yet.
 */
export interface TaskTable {
  /** Folds one event; returns the record after it, or undefined if the event changed nothing. */
  apply(event: TailedEvent): TaskRecord | undefined
  get(taskId: string): TaskRecord | undefined
  /** Returns the size of the task's events so far; undefined if the task is not in the table. */
  historyBytes(taskId: string): number | undefined
  /** Returns the unfinished tasks, oldest first. */
  records(): IterableIterator<TaskRecord>
  /** Returns the tasks that wait for their next attempt. */
  retrying(): IterableIterator<string>
  /** Returns the tasks that wait without a slot and without a pointer. */
  waiting(): IterableIterator<string>
  /** Returns the tasks that wait for the end of this task. */
  waitersOf(taskId: string): Iterable<string>
  /** Whether an unfinished task waits for the end of this task. */
  isAwaited(taskId: string): boolean
  /** Returns the children that `spawned` announced and whose `submitted` is still missing. */
  unborn(): IterableIterator<[childId: string, unborn: Unborn]>
  /** Returns the unfinished children whose parent has ended or never appeared. */
  orphans(): IterableIterator<string>
  /** Returns the queues in which unfinished tasks have or need pointers. */
  queues(): TenantQueue[]
  /** Returns these queues with the number of their tasks. */
  queueCounts(): { readonly queue: TenantQueue; readonly count: number }[]
  /** Returns the number of tasks that need a pointer now. */
  runnable(): number
  size(): number
  /** Returns the oldest log sequence that an unfinished task still needs; undefined if none does. */
  neededFrom(): number | undefined
  /**
   * Drops tasks whose beginning the log no longer has, and returns them: only tasks that have ended are
   * purged, so their end was purged before it was read.
   */
  dropBefore(firstSeq: number): TaskRecord[]
  /** Drops these tasks: the log no longer has any of their events. */
  drop(taskIds: readonly string[]): void
}

/** A child that was announced and has not appeared. */
interface Unborn {
  readonly parentId: string
  readonly atMs: number
}

/** Some ten thousand small specs; a small coordinator has 256 MiB for everything, bytes. */
const SPECS_MAX_BYTES = 48 * 1024 * 1024

interface Entry {
  readonly record: TaskRecord
  readonly historyBytes: number
  /** Bytes of the spec that is kept whole; 0 if it was omitted. */
  readonly specBytes: number
}

/** Creates an empty table. */
export function createTaskTable(): TaskTable {
  const tasks = createCompactingMap<string, Entry>()
  let specsBytes = 0
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
    const record = tasks.get(taskId)?.record
    if (record === undefined) return
    remove(taskId)
    const { waitingFor: _, ...rest } = record
    const ended: TaskRecord = { ...rest, state: 'cancelled' }
    queues.note(record, ended)
    keepIndexes(record, ended)
    orphans.delete(taskId)
    for (const child of record.children) unborn.delete(child.taskId)
  }

  const remove = (taskId: string): void => {
    specsBytes -= tasks.get(taskId)?.specBytes ?? 0
    tasks.delete(taskId)
  }

  /** The record to keep after an event of this size, and how much of it the spec takes. */
  const kept = (record: TaskRecord, entry: Entry | undefined, bytes: number): Entry => {
    const historyBytes = (entry?.historyBytes ?? 0) + bytes
    const fits = bytes <= SPEC_KEPT_MAX_BYTES && specsBytes + bytes <= SPECS_MAX_BYTES
    const whole = entry === undefined && !fits ? factsOf(record) : record
    const small = withoutLargeWaits(whole, bytes)
    const specBytes = small.omitted === undefined ? (entry?.specBytes ?? bytes) : 0
    return { record: { ...small, calls: [] }, historyBytes, specBytes }
  }

  return {
    apply({ taskId, event, seq, storedAtMs, bytes }) {
      const entry = tasks.get(taskId)
      const before = entry?.record
      const outcome = transition(taskId, before, event, seq, storedAtMs)
      if (outcome.kind === 'stale') {
        // The stale event changes nothing, but the next append must expect its sequence.
        if (outcome.record !== undefined && entry !== undefined)
          tasks.set(taskId, { ...entry, record: { ...outcome.record, calls: [] } })
        return undefined
      }
      const next = kept(outcome.record, entry, bytes)
      const { record } = next
      if (isTerminal(record.state)) remove(taskId)
      else {
        specsBytes += next.specBytes - (entry?.specBytes ?? 0)
        tasks.set(taskId, next)
      }
      queues.note(before, record)
      keepIndexes(before, record)
      keepFamily(record, event)
      return record
    },
    get: (taskId) => tasks.get(taskId)?.record,
    historyBytes: (taskId) => tasks.get(taskId)?.historyBytes,
    *records() {
      for (const { record } of tasks.values()) yield record
    },
    retrying: () => retrying.values(),
    waiting: () => waiting.values(),
    waitersOf: (taskId) => waiters.get(taskId) ?? [],
    isAwaited: (taskId) => waiters.has(taskId),
    unborn: () => unborn.entries(),
    orphans: () => orphans.values(),
    queues: queues.queues,
    queueCounts: queues.counts,
    runnable: () => queues.size() - retrying.size,
    size: () => tasks.size,
    dropBefore(firstSeq) {
      const ghosts: TaskRecord[] = []
      for (const { record } of tasks.values()) {
        // In order of their submissions.
        if (record.submittedSeq >= firstSeq) break
        ghosts.push(record)
      }
      for (const { taskId } of ghosts) drop(taskId)
      return ghosts
    },
    drop(taskIds) {
      for (const taskId of taskIds) drop(taskId)
    },
    neededFrom() {
      const oldest = tasks.values().next().value?.record
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
