import { createHeap, type Heap } from '@agentfleet/domain'

/**
 * Unfinished tasks in the order of their due times. An entry stays when its task changes state, so its reader
 * checks the task again. Invariant (L7): the entries are at most about twice as many as those of unfinished tasks,
 * and SPARE_MAX more, however many tasks have ended before they were due.
 */
interface DueTimes<T> {
  add(taskId: string, dueAtMs: number): void
  /** Removes due entries and returns those of their tasks that have not ended, at most `max`. */
  takeDue(nowMs: number, max: number): T[]
  size(): number
}

interface Entry {
  readonly taskId: string
  readonly dueAtMs: number
}

/** Entries of ended tasks that may always stay: about 100 bytes each. */
const SPARE_MAX = 10_000

/** Creates an empty collection; `unfinished` has no task that has ended. */
export function createDueTimes<T>(unfinished: { get(taskId: string): T | undefined }): DueTimes<T> {
  let heap = createEntries()
  let sizeMax = SPARE_MAX

  const forgetEnded = (): void => {
    const kept = createEntries()
    for (const entry of heap.values()) {
      if (unfinished.get(entry.taskId) !== undefined) kept.push(entry)
    }
    heap = kept
    sizeMax = 2 * kept.size() + SPARE_MAX
  }

  return {
    add(taskId, dueAtMs) {
      heap.push({ taskId, dueAtMs })
      if (heap.size() > sizeMax) forgetEnded()
    },
    takeDue(nowMs, max) {
      const due: T[] = []
      while (due.length < max) {
        const first = heap.first()
        if (first === undefined || first.dueAtMs > nowMs) break
        heap.pop()
        const task = unfinished.get(first.taskId)
        if (task !== undefined) due.push(task)
      }
      return due
    },
    size: () => heap.size(),
  }
}

function createEntries(): Heap<Entry> {
  return createHeap((a, b) => a.dueAtMs < b.dueAtMs)
}
