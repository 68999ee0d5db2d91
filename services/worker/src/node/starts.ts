import type { Run } from './runs.ts'

/**
 * Starts accepted tasks in order. Invariants: a run in this queue is in the table of runs, holds
 * its slot and has not begun; a large dispatch starts in portions, so that heartbeats and further
 * dispatches are handled in between.
 */
export type Starts = ReturnType<typeof createStarts>

/** Starts in one turn of the event loop: opening an LLM call takes a few tenths of a millisecond. */
const STARTS_PER_TURN = 64

/** Creates an empty queue. */
export function createStarts(start: (run: Run) => void) {
  // Bounded by the slots, because every run here is in the table.
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
    add: (run: Run): void => void queue.push(run),
    /** Starts the runs that have arrived. */
    look(): void {
      if (queue.length > 0 && !scheduled) startSome()
    },
  }
}
