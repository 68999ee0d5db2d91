import {
  awaitedTasks,
  createTally,
  decideShare,
  isTerminal,
  type TaskEvent,
  type TaskRecord,
} from '@agentfleet/domain'

/** About 100 bytes each: 40 MB; a small coordinator has 256 MiB for everything. */
export const PAIRS_MAX = 400_000
const NONE: readonly string[] = []

/** A child that was announced and has not appeared. */
export interface Unborn {
  readonly parentId: string
  readonly atMs: number
}

/**
 * Which unfinished tasks wait for the end of which tasks; `tenants` says how many share the room. Invariant (L7): at
 * most PAIRS_MAX pairs are kept, and each tenant has a share of them. A task whose pairs have no room is in none; the
 * sweep finds the end of its wait later.
 */
export function createWaiters(tenants: () => number) {
  // Most tasks are awaited by one task, and a set of one takes several times as much.
  const waiters = new Map<string, string | Set<string>>()
  const pairs = createTally()

  /** Adds a pair; returns false if it was there. */
  const add = (awaited: string, taskId: string): boolean => {
    const those = waiters.get(awaited)
    if (those === undefined) {
      waiters.set(awaited, taskId)
    } else if (typeof those === 'string') {
      if (those === taskId) return false
      waiters.set(awaited, new Set([those, taskId]))
    } else {
      if (those.has(taskId)) return false
      those.add(taskId)
    }
    return true
  }

  /** Removes a pair; returns false if it was not there. */
  const remove = (awaited: string, taskId: string): boolean => {
    const those = waiters.get(awaited)
    if (those === taskId) return waiters.delete(awaited)
    if (those === undefined || typeof those === 'string') return false
    const removed = those.delete(taskId)
    if (those.size === 0) waiters.delete(awaited)
    return removed
  }

  const fits = (tenant: string, ask: number): boolean => {
    const [used, own] = [pairs.total(), pairs.of(tenant)]
    if (used + ask > PAIRS_MAX) return false
    const share = { capacity: PAIRS_MAX, used, own, ask, tenants: tenants() }
    return decideShare(share).kind === 'take'
  }

  return {
    /** Follows a record from its version before an event to that after it. */
    note(before: TaskRecord | undefined, { taskId, tenant, waitingFor }: TaskRecord): void {
      if (before?.waitingFor === waitingFor) return
      for (const awaited of awaitedTasks(before?.waitingFor)) {
        if (remove(awaited, taskId)) pairs.add(tenant, -1)
      }
      const wanted = awaitedTasks(waitingFor)
      if (wanted.length === 0 || !fits(tenant, wanted.length)) return
      for (const awaited of wanted) if (add(awaited, taskId)) pairs.add(tenant, 1)
    },
    /** Returns the tasks that wait for the end of this task. */
    of(taskId: string): Iterable<string> {
      const those = waiters.get(taskId) ?? NONE
      return typeof those === 'string' ? [those] : those
    },
  }
}

/** The children that their parents announced, or left behind; `isOpen`: whether a task has begun and not ended. */
export function createFamilies(isOpen: (taskId: string) => boolean) {
  const unborn = new Map<string, Unborn>()
  const orphans = new Set<string>()
  return {
    /** Follows a record after an event. */
    note({ taskId, state, children, parent }: TaskRecord, event: TaskEvent): void {
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
    /** Forgets a task whose events the log no longer has, with its announced children. */
    drop({ taskId, children }: TaskRecord): void {
      orphans.delete(taskId)
      for (const child of children) unborn.delete(child.taskId)
    },
    /** Returns the children that `spawned` announced and whose `submitted` is still missing. */
    unborn: () => unborn.entries(),
    /** Returns the unfinished children whose parent has ended or never appeared. */
    orphans: () => orphans.values(),
  }
}

/** Adds a task to a set or removes it. */
export function mark(set: Set<string>, taskId: string, belongs: boolean): void {
  if (belongs) set.add(taskId)
  else set.delete(taskId)
}
