import type { Run } from './runs.ts'

/**
 * Starts taken tasks in their order. Invariants: what stands here is in the table of runs, holds its
 * slot and has not begun; a large dispatch is started in portions, so that heartbeats and further
 * dispatches come through.
 */
export interface Starts {
  add(run: Run): void
  /** Something has come. */
  look(): void
}

/** Starts in one turn of the event loop: opening an LLM call takes a few tenths of a millisecond. */
const STARTS_PER_TURN = 64

/** Nothing waits yet. */
export function createStarts(start: (run: Run) => void): Starts {
  // Bounded by the slots: whatever stands here is in the table.
  let queue: Run[] = []
  let scheduled = false

  const startSome = (): void => {
    scheduled = false
    const portion = queue.slice(0, STARTS_PER_TURN)
    queue = queue.slice(STARTS_PER_TURN)
    for (const run of portion) if (run.over === undefined) start(run)
    if (queue.length === 0) return
    scheduled = true
    setImmediate(startSome)
  }

  return {
    add: (run) => void queue.push(run),
    look() {
      if (queue.length > 0 && !scheduled) startSome()
    },
  }
}
