import { setImmediate as nextTurn } from 'node:timers/promises'

/** Other work of the process waits at most about this long for one slice of a long work, milliseconds. */
const SLICE_MS = 10

/**
 * Divides a long work of one request into slices: call the result after each part of the work. It lets other work
 * of the process run as soon as the present slice has taken long enough.
 */
export function createSlices(): () => Promise<void> {
  let startedMs = performance.now()
  return async () => {
    if (performance.now() - startedMs < SLICE_MS) return
    await nextTurn()
    startedMs = performance.now()
  }
}

/**
 * Runs `run` for each item, at most `parallel` at once; returns the results in the order of the items. After a failure
 * no further item begins.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  parallel: number,
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await run(items[at]!)
  }
  try {
    await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, lane))
  } finally {
    next = items.length
  }
  return results
}
