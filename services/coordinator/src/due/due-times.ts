/**
 * Tasks in the order of their due times: a binary heap. Invariant: no entry is later than its two
 * children. An entry stays when its task changes state, so its reader checks the task again.
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

/** Creates an empty heap. */
export function createDueTimes(): DueTimes {
  const heap: Entry[] = []

  const swap = (a: number, b: number): void => {
    const held = heap[a]!
    heap[a] = heap[b]!
    heap[b] = held
  }
  const earlier = (a: number, b: number): boolean =>
    (heap[a]?.dueAtMs ?? Infinity) < (heap[b]?.dueAtMs ?? Infinity)

  const rise = (from: number): void => {
    for (let at = from; at > 0;) {
      const above = (at - 1) >> 1
      if (!earlier(at, above)) return
      swap(at, above)
      at = above
    }
  }
  const sink = (): void => {
    for (let at = 0; ;) {
      const left = 2 * at + 1
      const least = earlier(left + 1, left) ? left + 1 : left
      if (!earlier(least, at)) return
      swap(at, least)
      at = least
    }
  }

  return {
    add(taskId, dueAtMs) {
      heap.push({ taskId, dueAtMs })
      rise(heap.length - 1)
    },
    takeDue(nowMs, max) {
      const due: string[] = []
      while (due.length < max) {
        const [first] = heap
        if (first === undefined || first.dueAtMs > nowMs) break
        due.push(first.taskId)
        const last = heap.pop()!
        if (heap.length > 0) {
          heap[0] = last
          sink()
        }
      }
      return due
    },
    size: () => heap.length,
  }
}
