import { awaitedTasks, isTerminal, type TaskEvent, type TaskRecord } from '@agentfleet/domain'

/** Which unfinished tasks wait for the end of which tasks. */
interface Waiters {
  /** Follows a record from its version before an event to that after it. */
  note(before: TaskRecord | undefined, record: TaskRecord): void
  /** Returns the tasks that wait for the end of this task. */
  of(taskId: string): Iterable<string>
  /** Whether a task waits for the end of this task. */
  has(taskId: string): boolean
}

/** A child that was announced and has not appeared. */
export interface Unborn {
  readonly parentId: string
  readonly atMs: number
}

/** The children that their parents announced, or left behind. */
interface Families {
  /** Follows a record after an event. */
  note(record: TaskRecord, event: TaskEvent): void
  /** Forgets a task whose events the log no longer has, with its announced children. */
  drop(record: TaskRecord): void
  /** Returns the children that `spawned` announced and whose `submitted` is still missing. */
  unborn(): IterableIterator<[childId: string, unborn: Unborn]>
  /** Returns the unfinished children whose parent has ended or never appeared. */
  orphans(): IterableIterator<string>
}

/** Creates an empty index of waiting tasks. */
export function createWaiters(): Waiters {
  const waiters = new Map<string, Set<string>>()
  return {
    note(before, { taskId, waitingFor }) {
      if (before?.waitingFor === waitingFor) return
      for (const awaited of awaitedTasks(before?.waitingFor)) {
        const those = waiters.get(awaited)
        those?.delete(taskId)
        if (those?.size === 0) waiters.delete(awaited)
      }
      for (const awaited of awaitedTasks(waitingFor)) {
        const those = waiters.get(awaited) ?? new Set()
        waiters.set(awaited, those.add(taskId))
      }
    },
    of: (taskId) => waiters.get(taskId) ?? [],
    has: (taskId) => waiters.has(taskId),
  }
}

/** Creates an empty index of children; `isOpen`: whether a task has begun and not ended. */
export function createFamilies(isOpen: (taskId: string) => boolean): Families {
  const unborn = new Map<string, Unborn>()
  const orphans = new Set<string>()
  return {
    note({ taskId, state, children, parent }, event) {
      if (event.type === 'submitted') {
        unborn.delete(taskId)
        mark(orphans, taskId, parent !== undefined && !isOpen(parent.taskId))
      }
      if (event.type === 'spawned') {
        const announced = { parentId: taskId, atMs: event.atMs }
        for (const child of event.children) {
          if (!isOpen(child.taskId)) unborn.set(child.taskId, announced)
        }
      }
      if (!isTerminal(state)) return
      orphans.delete(taskId)
      for (const child of children) {
        // A task that has ended creates no more children.
        unborn.delete(child.taskId)
        if (isOpen(child.taskId)) orphans.add(child.taskId)
      }
    },
    drop({ taskId, children }) {
      orphans.delete(taskId)
      for (const child of children) unborn.delete(child.taskId)
    },
    unborn: () => unborn.entries(),
    orphans: () => orphans.values(),
  }
}

/** Adds a task to a set or removes it. */
export function mark(set: Set<string>, taskId: string, belongs: boolean): void {
  if (belongs) set.add(taskId)
  else set.delete(taskId)
}
