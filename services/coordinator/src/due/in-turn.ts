import { createTurnQueue } from '@agentfleet/domain'

/** Work for entries of many tenants. */
interface InTurn<T> {
  /** Runs the entry when it is its turn; an entry that waits already runs once. */
  add(tenant: string, entry: T): void
  /** Returns the number of entries that wait or run. */
  size(): number
  /** Drops the entries that wait; further entries never run. */
  close(): void
}

/** Runs at most `parallel` entries at once, and tenants take turns (L7); `run` handles its own errors. */
export function createInTurn<T>(parallel: number, run: (entry: T) => Promise<void>): InTurn<T> {
  const waiting = createTurnQueue<T>()
  let running = 0
  let closed = false

  const work = (): void => {
    while (running < parallel) {
      const next = waiting.take()
      if (next === undefined) return
      running += 1
      void run(next.entry).finally(() => {
        running -= 1
        work()
      })
    }
  }

  return {
    add(tenant, entry) {
      if (closed) return
      waiting.add(tenant, entry)
      work()
    },
    size: () => waiting.size() + running,
    close() {
      closed = true
      waiting.clear()
    },
  }
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
