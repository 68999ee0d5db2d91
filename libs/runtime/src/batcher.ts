/**
 * Groups the items of a busy moment into one call, and never waits without a reason.
 *
 * While fewer than maxInFlight calls run, items leave at the end of the current turn of the event loop,
 * together with all others of that turn. While all calls run, items wait; when a call returns, the waiting items
 * are sent together. So the size of a call follows the load by itself, without a timer.
 *
 * Invariants: at most maxInFlight calls with at most maxItems each; at most maxQueued items wait; items leave in
 * the order of their arrival; the error of a call reaches its own items only; every item is settled once. `run`
 * bounds its own time: a call that never returns keeps its place.
 */

/** The work of a batcher, and its limits. */
export interface BatcherOptions<T, R> {
  /** Handles the items in one call; answers one result for each, in the same order. */
  run: (items: T[]) => Promise<R[]>
  maxItems: number
  maxInFlight: number
  maxQueued: number
}

interface Entry<T, R> {
  readonly item: T
  readonly resolve: (result: R) => void
  readonly reject: (error: unknown) => void
}

/** Returns a function that adds an item; its promise is the result of this item, and rejects if too many items wait. */
export function createBatcher<T, R>(options: BatcherOptions<T, R>): (item: T) => Promise<R> {
  const { run, maxItems, maxInFlight, maxQueued } = options
  let queue: Entry<T, R>[] = []
  let callsInFlight = 0
  let scheduled = false

  function schedule() {
    if (scheduled || callsInFlight >= maxInFlight) return
    scheduled = true
    setImmediate(flush)
  }

  function flush() {
    scheduled = false
    while (queue.length > 0 && callsInFlight < maxInFlight) {
      const batch = queue.length <= maxItems ? queue : queue.splice(0, maxItems)
      if (batch === queue) queue = []
      void call(batch)
    }
  }

  async function call(batch: Entry<T, R>[]) {
    callsInFlight += 1
    try {
      const results = await run(batch.map((entry) => entry.item))
      if (results.length !== batch.length) {
        throw new Error(`a call with ${batch.length} items answered ${results.length} results`)
      }
      for (let i = 0; i < batch.length; i += 1) batch[i]?.resolve(results[i] as R)
    } catch (error) {
      for (const entry of batch) entry.reject(error)
    }
    callsInFlight -= 1
    // Waits one turn of the event loop, so that items that the callers of this call add are sent together.
    if (queue.length > 0) schedule()
  }

  return (item) => {
    if (queue.length >= maxQueued) {
      return Promise.reject(new Error(`${maxQueued} items already wait`))
    }
    return new Promise<R>((resolve, reject) => {
      queue.push({ item, resolve, reject })
      schedule()
    })
  }
}
