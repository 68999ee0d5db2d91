import { createTurnQueue } from '@agentfleet/domain'

/** The pace at which requests begin. */
export type Pace = ReturnType<typeof createPace>

/**
 * Requests of a tenant that begin in one turn of the event loop: parsing and checking them takes about ten milliseconds.
 * With fewer, the messages of a busy tenant leave in smaller groups, and each task costs the whole fleet more.
 */
const AT_ONCE = 64

/**
 * Creates the pace. One read of the sockets may bring hundreds of requests of a tenant, and
 * the event loop would parse and check all of them before it answers another tenant. Invariants (L7): while several
 * tenants share the gateway, of each at most AT_ONCE requests begin in one turn of the event loop; the others begin
 * in the next turns, in which tenants take turns; the requests of a tenant begin in order.
 */
export function createPace(tenants: () => number) {
  const waiting = createTurnQueue<() => void>()
  let begun = new Map<string, number>()
  let scheduled = false

  const nextTurn = (): void => {
    scheduled = false
    begun = new Map()
    for (let count = 0; count < AT_ONCE; count += 1) {
      const next = waiting.take()
      if (next === undefined) return
      schedule()
      begun.set(next.owner, (begun.get(next.owner) ?? 0) + 1)
      next.entry()
    }
  }
  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(nextTurn)
  }

  return {
    /** Counts a request that begins now; returns false if the request has to wait. */
    now(tenant: string): boolean {
      if (tenants() <= 1) return true
      const own = begun.get(tenant) ?? 0
      if (own >= AT_ONCE || waiting.sizeOf(tenant) > 0) return false
      begun.set(tenant, own + 1)
      schedule()
      return true
    },
    /** Begins a request that has to wait in a later turn of the event loop. */
    later(tenant: string, begin: () => void): void {
      waiting.add(tenant, begin)
      schedule()
    },
  }
}
