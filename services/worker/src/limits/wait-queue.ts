import type { Level } from '@agentfleet/domain'

/** Whoever stands in queue: the more urgent before the less urgent, then the older before the younger. */
export interface Queued {
  readonly priority: Level
  readonly sinceMs: number
}

/** A queue in fair order. */
export interface WaitQueue<T extends Queued> {
  add(one: T): void
  /** False when it stood there no more. */
  remove(one: T): boolean
  first(count: number): readonly T[]
  /** How many go before one like this. */
  placeOf(one: Queued): number
  /** From the last one to the first; the one at hand may be removed. */
  backwards(visit: (one: T) => void): void
  size(): number
}

const RANKS: Readonly<Record<Level, number>> = { high: 0, medium: 1, low: 2 }

/** Nobody stands there at first. */
export function createWaitQueue<T extends Queued>(): WaitQueue<T> {
  const waiting: T[] = []
  const placeOf = ({ priority, sinceMs }: Queued): number => {
    let low = 0
    for (let high = waiting.length; low < high;) {
      const middle = (low + high) >>> 1
      const other = waiting[middle]!
      const before = RANKS[other.priority] - RANKS[priority] || other.sinceMs - sinceMs
      if (before <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    add: (one) => void waiting.splice(placeOf(one), 0, one),
    remove(one) {
      const at = waiting.indexOf(one)
      if (at !== -1) waiting.splice(at, 1)
      return at !== -1
    },
    first: (count) => waiting.slice(0, count),
    placeOf,
    backwards(visit) {
      for (let place = waiting.length - 1; place >= 0; place -= 1) visit(waiting[place]!)
    },
    size: () => waiting.length,
  }
}
