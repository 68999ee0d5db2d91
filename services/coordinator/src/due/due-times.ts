import { createHeap } from '@agentfleet/domain'

/**
 * Tasks in the order of their due times. An entry stays when its task changes state, so its reader checks the
 * task again.
 */
interface DueTimes {
  add(taskId: string, dueAtMs: number): void
  /** Removes and returns due entries, at most `max`. */
  takeDue(nowMs: number, max: number): string[]
  size(): number
}

interface Entry {
  readonly taskId: string
  readonly dueAtMs: number
}

/** Creates an empty collection. */
export function createDueTimes(): DueTimes {
  const heap = createHeap<Entry>((a, b) => a.dueAtMs < b.dueAtMs)
  return {
    add: (taskId, dueAtMs) => heap.push({ taskId, dueAtMs }),
    takeDue(nowMs, max) {
      const due: string[] = []
      while (due.length < max) {
        const first = heap.first()
        if (first === undefined || first.dueAtMs > nowMs) break
        due.push(first.taskId)
        heap.pop()
      }
      return due
    },
    size: () => heap.size(),
  }
}
