/**
 * Virtual time: the earliest planned event happens next. Invariant: two events of the same time happen in
 * the order in which they were planned, so the seed alone decides a run.
 */
export interface VirtualClock {
  nowMs(): number
  after(delayMs: number, act: () => void): void
  run(untilMs: number): void
}

interface Due {
  readonly atMs: number
  readonly order: number
  readonly act: () => void
}

/** Creates a clock at zero with nothing planned. */
export function createVirtualClock(): VirtualClock {
  // A binary heap, earliest first.
  const heap: Due[] = []
  let nowMs = 0
  let order = 0

  const push = (due: Due): void => {
    let at = heap.length
    while (at > 0) {
      const parent = heap[(at - 1) >> 1]!
      if (!isBefore(due, parent)) break
      heap[at] = parent
      at = (at - 1) >> 1
    }
    heap[at] = due
  }

  const pop = (): Due | undefined => {
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }

  return {
    nowMs: () => nowMs,
    after(delayMs, act) {
      push({ atMs: nowMs + delayMs, order: (order += 1), act })
    },
    run(untilMs) {
      while (heap[0] !== undefined && heap[0].atMs <= untilMs) {
        const due = pop()!
        nowMs = due.atMs
        due.act()
      }
      nowMs = untilMs
    },
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
