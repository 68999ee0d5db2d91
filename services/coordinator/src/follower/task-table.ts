import {
  createCompactingMap,
  createTally,
  decideShare,
  factsOf,
  isTerminal,
  SPEC_KEPT_MAX_BYTES,
  transition,
  withoutLargeWaits,
  type TaskRecord,
} from '@agentfleet/domain'
import type { TailedEvent } from '@agentfleet/adapters'
import { createTaskQueues } from './task-queues.ts'
import { createFamilies, createWaiters, mark } from './task-relations.ts'

/** Every unfinished task. */
export type TaskTable = ReturnType<typeof createTaskTable>

/** Some ten thousand small specs; a small coordinator has 256 MiB for everything, bytes. */
const SPECS_MAX_BYTES = 48 * 1024 * 1024

interface Entry {
  readonly record: TaskRecord
  readonly historyBytes: number
  /** Bytes of the spec that is kept whole; 0 if it was omitted. */
  readonly specBytes: number
}

/**
 * Every unfinished task, folded from the log in order; `tenants` says how many share the room for specs and for what
 * tasks wait for. At first the table is empty.
 *
 * Invariants: a task is in the table exactly from its `submitted` to its end event; the first entry
 * is the oldest unfinished submission, because tasks enter in log order. The table keeps no journal
 * (`calls` is empty) and no large spec, and at most SPECS_MAX_BYTES of small ones, of which each tenant
 * has a share: `omitted` marks a record whose texts only the log has (L7). The table also keeps which
 * task waits for which, as far as there is room, and which announced children have not appeared yet.
 */
export function createTaskTable(tenants: () => number = () => 1) {
  const tasks = createEntries(tenants)
  const states = createStates()
  const waiters = createWaiters(tenants)
  const families = createFamilies((taskId) => tasks.has(taskId))
  const queues = createTaskQueues()

  const keepIndexes = (before: TaskRecord | undefined, record: TaskRecord): void => {
    queues.note(before, record)
    states.note(record)
    waiters.note(before, record)
  }

  const drop = (taskId: string): void => {
    const record = tasks.get(taskId)?.record
    if (record === undefined) return
    tasks.remove(taskId)
    const { waitingFor: _, ...rest } = record
    const ended: TaskRecord = { ...rest, state: 'cancelled' }
    keepIndexes(record, ended)
    families.drop(record)
  }

  return {
    /** Folds one event; returns the record after it, or undefined if the event changed nothing. */
    apply({ taskId, event, seq, storedAtMs, bytes }: TailedEvent): TaskRecord | undefined {
      const entry = tasks.get(taskId)
      const before = entry?.record
      const outcome = transition(taskId, before, event, seq, storedAtMs)
      if (outcome.kind === 'stale') {
        // The stale event changes nothing, but the next append must expect its sequence.
        if (outcome.record !== undefined && entry !== undefined) tasks.renew(entry, outcome.record)
        return undefined
      }
      const record = tasks.keep(outcome.record, entry, bytes)
      keepIndexes(before, record)
      families.note(record, event)
      return record
    },
    get: (taskId: string): TaskRecord | undefined => tasks.get(taskId)?.record,
    /** Returns the size of the task's events so far; undefined if the task is not in the table. */
    historyBytes: (taskId: string) => tasks.get(taskId)?.historyBytes,
    /** Returns the unfinished tasks, oldest first. */
    *records(): IterableIterator<TaskRecord> {
      for (const { record } of tasks.values()) yield record
    },
    /** Returns the tasks that wait for their next attempt. */
    retrying: () => states.retrying.values(),
    /** Returns the tasks that wait without a slot and without a pointer. */
    waiting: () => states.waiting.values(),
    /** Returns the tasks that are known to wait for the end of this task; `waiting` has all tasks that wait. */
    waitersOf: waiters.of,
    unborn: families.unborn,
    orphans: families.orphans,
    /** Returns the queues in which unfinished tasks have or need pointers. */
    queues: queues.queues,
    /** Returns these queues with the number of their tasks. */
    queueCounts: queues.counts,
    /** Returns the number of tasks that need a pointer now. */
    runnable: () => queues.size() - states.retrying.size,
    size: tasks.size,
    /**
     * Drops tasks whose beginning the log no longer has, and returns them: only tasks that have ended are
     * purged, so their end was purged before it was read.
     */
    dropBefore(firstSeq: number): TaskRecord[] {
      const ghosts = submittedBefore(tasks.values(), firstSeq)
      for (const { taskId } of ghosts) drop(taskId)
      return ghosts
    },
    /** Drops these tasks: the log no longer has any of their events. */
    drop(taskIds: readonly string[]): void {
      for (const taskId of taskIds) drop(taskId)
    },
    /** Returns the oldest log sequence that an unfinished task still needs; undefined if none does. */
    neededFrom(): number | undefined {
      const oldest = tasks.values().next().value?.record
      if (oldest === undefined) return undefined
      return Math.min(oldest.submittedSeq, states.leastNeeded())
    },
  }
}

/** Creates the entries of the table, with as many small specs as SPECS_MAX_BYTES and the shares of tenants allow. */
function createEntries(tenants: () => number) {
  const tasks = createCompactingMap<string, Entry>()
  /** Bytes of the specs that are kept whole, by tenant. */
  const held = createTally()

  const remove = (taskId: string): void => {
    const entry = tasks.get(taskId)
    if (entry === undefined) return
    if (entry.specBytes > 0) held.add(entry.record.tenant, -entry.specBytes)
    tasks.delete(taskId)
  }

  const fits = (tenant: string, ask: number): boolean => {
    if (ask > SPEC_KEPT_MAX_BYTES) return false
    const used = held.total()
    // Half of the room is within every share, and each task of the fleet comes by here.
    if (used + ask <= SPECS_MAX_BYTES / 2) return true
    const [capacity, own] = [SPECS_MAX_BYTES, held.of(tenant)]
    const share = { capacity, used, own, ask, tenants: tenants() }
    return used + ask <= capacity && decideShare(share).kind === 'take'
  }

  /** The record to keep after an event of this size, and how much of it the spec takes. */
  const kept = (record: TaskRecord, entry: Entry | undefined, bytes: number): Entry => {
    const historyBytes = (entry?.historyBytes ?? 0) + bytes
    const whole = entry !== undefined || fits(record.tenant, bytes) ? record : factsOf(record)
    const small = withoutLargeWaits(whole, bytes)
    const specBytes = small.omitted === undefined ? (entry?.specBytes ?? bytes) : 0
    return { record: { ...small, calls: [] }, historyBytes, specBytes }
  }

  return {
    get: (taskId: string) => tasks.get(taskId),
    has: (taskId: string) => tasks.has(taskId),
    values: () => tasks.values(),
    size: () => tasks.size,
    remove,
    /** Replaces the record of an entry by one with the same history. */
    renew(entry: Entry, record: TaskRecord): void {
      tasks.set(record.taskId, { ...entry, record: { ...record, calls: [] } })
    },
    /** Keeps the record after an event of this size until the task ends; returns the kept record. */
    keep(next: TaskRecord, entry: Entry | undefined, bytes: number): TaskRecord {
      const fresh = kept(next, entry, bytes)
      const { taskId, tenant, state } = next
      if (isTerminal(state)) remove(taskId)
      else {
        const more = fresh.specBytes - (entry?.specBytes ?? 0)
        if (more !== 0) held.add(tenant, more)
        tasks.set(taskId, fresh)
      }
      return fresh.record
    },
  }
}

/** Creates an empty index of tasks by their state, and of what unfinished tasks need. */
function createStates() {
  const retrying = new Set<string>()
  const waiting = new Set<string>()
  // Few tasks need results older than themselves, and only while they are unfinished.
  const needs = new Map<string, number>()
  return {
    retrying,
    waiting,
    note({ taskId, state, neededFrom }: TaskRecord): void {
      mark(retrying, taskId, state === 'retrying')
      mark(waiting, taskId, state === 'waiting')
      if (neededFrom !== undefined && !isTerminal(state)) needs.set(taskId, neededFrom)
      else needs.delete(taskId)
    },
    /** Returns the oldest sequence that a task needs in addition to its own; Infinity: none does. */
    leastNeeded(): number {
      let least = Infinity
      for (const seq of needs.values()) least = Math.min(least, seq)
      return least
    },
  }
}

/** The tasks that were submitted before this sequence; `entries` are in the order of submission. */
function submittedBefore(entries: Iterable<Entry>, firstSeq: number): TaskRecord[] {
  const found: TaskRecord[] = []
  for (const { record } of entries) {
    if (record.submittedSeq >= firstSeq) break
    found.push(record)
  }
  return found
}
