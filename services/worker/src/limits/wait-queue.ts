import type { Level } from '@agentfleet/domain'

/** An entry of the queue: more urgent entries come first, then older ones. */
export interface Queued {
  readonly priority: Level
  readonly sinceMs: number
}

/** A queue in the order of priority and age. */
export interface WaitQueue<T extends Queued> {
  add(one: T): void
  /** Removes an entry; returns false if the queue does not have it. */
  remove(one: T): boolean
  first(count: number): readonly T[]
  /** Returns how many entries would precede this one. */
  placeOf(one: Queued): number
  /** Visits the entries from the last to the first; the visitor may remove the present one. */
  backwards(visit: (one: T) => void): void
  size(): number
}

const RANKS: Readonly<Record<Level, number>> = { high: 0, medium: 1, low: 2 }

/** Creates an empty queue. */
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
