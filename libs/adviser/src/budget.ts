/**
 * What an adviser may spend: calls and money within any hour, and calls at once.
 *
 * A call reserves the most it can cost and is settled at what it did cost; one whose cost never became
 * known stays at the most.
 * Invariants: in no hour more calls or more money than set; as many entries as calls of an hour.
 */

/** What may be spent. */
export interface BudgetLimits {
  readonly callsPerHour: number
  readonly usdPerHour: number
  /** Calls under way at the same time. */
  readonly callsAtOnce: number
}

/** Leave to make one call. */
export interface Reservation {
  /** The call is over; without a cost it counts as what was reserved. */
  settle(costUsd: number | undefined): void
}

/** A budget of one hour, any hour. */
export interface Budget {
  /** Leave for a call that costs at most this, or undefined. */
  reserve(costMaxUsd: number): Reservation | undefined
  /** What the last hour has cost. */
  spent(): { readonly calls: number; readonly usd: number }
}

const HOUR_MS = 3_600_000

/** A budget with nothing spent. */
export function createBudget(limits: BudgetLimits, monotonicMs: () => number): Budget {
  /** Oldest first. */
  const entries: { readonly atMs: number; usd: number }[] = []
  let underWay = 0

  function spent() {
    const sinceMs = monotonicMs() - HOUR_MS
    while (entries[0] !== undefined && entries[0].atMs <= sinceMs) entries.shift()
    return { calls: entries.length, usd: entries.reduce((sum, { usd }) => sum + usd, 0) }
  }

  return {
    spent,
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
