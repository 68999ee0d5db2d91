/**
 * The budget of an adviser: calls and money within any hour, and calls at once.
 *
 * A call reserves the most it can cost and is settled at its real cost; a call whose cost stays unknown keeps
 * the reserved cost. Invariants: no hour has more calls or more money than configured; there are at most as
 * many entries as calls of an hour.
 */

/** The limits of a budget. */
export interface BudgetLimits {
  readonly callsPerHour: number
  readonly usdPerHour: number
  /** Calls under way at the same time. */
  readonly callsAtOnce: number
}

/** Permission to make one call. */
interface Reservation {
  /** Ends the call; without a cost it counts as the reserved cost. */
  settle(costUsd: number | undefined): void
}

/** A budget for every period of one hour. */
export interface Budget {
  /** Permission for a call that costs at most this, or undefined. */
  reserve(costMaxUsd: number): Reservation | undefined
}

const HOUR_MS = 3_600_000

/** Creates a budget with nothing spent. */
export function createBudget(limits: BudgetLimits, monotonicMs: () => number): Budget {
  /** Oldest first. */
  const entries: { readonly atMs: number; usd: number }[] = []
  let underWay = 0

  /** The calls and the cost of the last hour. */
  function spent() {
    const sinceMs = monotonicMs() - HOUR_MS
    while (entries[0] !== undefined && entries[0].atMs <= sinceMs) entries.shift()
    return { calls: entries.length, usd: entries.reduce((sum, { usd }) => sum + usd, 0) }
  }

  return {
    reserve(costMaxUsd) {
      const { calls, usd } = spent()
      if (underWay >= limits.callsAtOnce || calls >= limits.callsPerHour) return undefined
      if (usd + costMaxUsd > limits.usdPerHour) return undefined
      const entry = { atMs: monotonicMs(), usd: costMaxUsd }
      entries.push(entry)
      underWay += 1
      let settled = false
      return {
        settle(costUsd) {
          if (settled) return
          settled = true
          underWay -= 1
          entry.usd = costUsd ?? costMaxUsd
        },
      }
    },
  }
}
