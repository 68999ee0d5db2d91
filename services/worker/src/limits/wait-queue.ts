import { joinServed, type Level } from '@agentfleet/domain'

/** An entry of the queue. */
export interface Queued {
  readonly tenant: string
  readonly priority: Level
  readonly sinceMs: number
}

const RANKS: Readonly<Record<Level, number>> = { high: 0, medium: 1, low: 2 }
/** Tokens that every call counts in addition to its own: it also takes a request. */
const CALL_TOKENS = 1_000

/**
 * A queue that is fair between tenants: the next turn belongs to the tenant that was served least, by the
 * tokens of its calls. Within a tenant, entries with a higher priority come first, and among equal priorities
 * older entries.
 *
 * Invariants: a tenant that joins starts level with the tenant that was served least, so it can neither save up
 * turns nor wait for the backlog of other tenants; a tenant without entries is forgotten.
 */
export function createWaitQueue<T extends Queued & { readonly tokens: number }>() {
  const waiting = new Map<string, T[]>()
  let served = new Map<string, number>()
  let size = 0

  /** Removes an entry; returns false if the queue does not have it. */
  const remove = (one: T): boolean => {
    const own = waiting.get(one.tenant) ?? []
    const at = own.indexOf(one)
    if (at === -1) return false
    own.splice(at, 1)
    size -= 1
    if (own.length === 0) {
      waiting.delete(one.tenant)
      served.delete(one.tenant)
    }
    return true
  }

  return {
    add(one: T): void {
      const own = waiting.get(one.tenant)
      size += 1
      if (own !== undefined) {
        own.splice(placeIn(own, one), 0, one)
        return
      }
      waiting.set(one.tenant, [one])
      served = joinServed(served, [...waiting.keys()])
    },
    remove,
    /** Removes an entry that has got its turn; returns false if the queue does not have it. */
    serve(one: T): boolean {
      const level = served.get(one.tenant) ?? 0
      if (!remove(one)) return false
      if (waiting.has(one.tenant)) served.set(one.tenant, level + costOf(one))
      return true
    },
    /** Returns the next entries, in the order of their turns. */
    first(count: number): readonly T[] {
      const turns = [...waiting].map(([tenant, own]) => ({
        own,
        level: served.get(tenant) ?? 0,
        taken: 0,
      }))
      const next: T[] = []
      while (next.length < Math.min(count, size)) {
        const left = turns.filter(({ own, taken }) => taken < own.length)
        const turn = left.reduce((a, b) => (b.level < a.level ? b : a))
        const one = turn.own[turn.taken]!
        turn.taken += 1
        turn.level += costOf(one)
        next.push(one)
      }
      return next
    },
    /** Returns how many entries would precede this entry. */
    placeOf(one: Queued): number {
      const own = placeIn(waiting.get(one.tenant) ?? [], one)
      let place = own
      // Every other tenant gets about as many turns before this entry as its own tenant does.
      for (const [tenant, { length }] of waiting) {
        if (tenant !== one.tenant) place += Math.min(length, own + 1)
      }
      return place
    },
    /** Visits the entries, each tenant's from the last to the first; the visitor may remove the present one. */
    backwards(visit: (one: T) => void): void {
      for (const own of waiting.values()) for (const one of own.toReversed()) visit(one)
    },
    size: () => size,
  }
}

function costOf({ tokens }: { readonly tokens: number }): number {
  return CALL_TOKENS + tokens
}

function placeIn(own: readonly Queued[], { priority, sinceMs }: Queued): number {
  let low = 0
  for (let high = own.length; low < high;) {
    const middle = (low + high) >>> 1
    const other = own[middle]!
    const before = RANKS[other.priority] - RANKS[priority] || other.sinceMs - sinceMs
    if (before <= 0) low = middle + 1
    else high = middle
  }
  return low
}
