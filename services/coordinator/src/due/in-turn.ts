import { createTally, createTurnQueue, decideShare } from '@agentfleet/domain'

/**
 * Runs at most `parallel` entries at once, and tenants take turns; `run` handles its own errors. Invariant (L7): the
 * entries of a tenant that run take at most its share of the places, so a tenant without one finds a place even if
 * they never end. `tenants`: how many share the fleet.
 */
export function createInTurn<T>(
  parallel: number,
  tenants: () => number,
  run: (entry: T) => Promise<void>,
) {
  const waiting = createTurnQueue<T>()
  const running = createTally()
  let closed = false

  const mayRun = (tenant: string): boolean => {
    const own = running.of(tenant)
    // The last place is for a tenant that has none.
    if (own === 0) return true
    const share = { capacity: parallel, used: running.total(), own, ask: 1, tenants: tenants() }
    return decideShare(share).kind === 'take'
  }

  const work = (): void => {
    while (running.total() < parallel) {
      const next = waiting.take(mayRun)
      if (next === undefined) return
      running.add(next.owner, 1)
      void run(next.entry).finally(() => {
        running.add(next.owner, -1)
        work()
      })
    }
  }

  return {
    /** Runs the entry when it is its turn; an entry that waits already runs once. */
    add(tenant: string, entry: T): void {
      if (closed) return
      waiting.add(tenant, entry)
      work()
    },
    /** Returns the number of entries that wait or run. */
    size: () => waiting.size() + running.total(),
    /** Drops the entries that wait; further entries never run. */
    close(): void {
      closed = true
      waiting.clear()
    },
  }
}

/** Runs what is asked for in the name of a tenant, and returns the result. */
type InTurnOf = <T>(tenant: string, run: () => Promise<T>) => Promise<T>

/** Creates what runs at most `parallel` requests at once; tenants take turns, and each has a share of the places (L7). */
export function createRequestsInTurn(parallel: number, tenants: () => number): InTurnOf {
  const turns = createInTurn<() => Promise<void>>(parallel, tenants, (run) => run())
  return (tenant, run) =>
    new Promise((resolve, reject) => turns.add(tenant, () => run().then(resolve, reject)))
}

/** Returns at most `most` of these items; tenants take turns. An item without a tenant is left out. */
export function firstInTurn<T>(
  items: Iterable<T>,
  tenantOf: (item: T) => string | undefined,
  most: number,
): T[] {
  const waiting = createTurnQueue<T>()
  for (const item of items) {
    const tenant = tenantOf(item)
    if (tenant !== undefined && waiting.sizeOf(tenant) < most) waiting.add(tenant, item)
  }
  const first: T[] = []
  for (let next = waiting.take(); next !== undefined && first.length < most; next = waiting.take())
    first.push(next.entry)
  return first
}
