import { decideShare, HOUR_MS } from '@agentfleet/domain'

/**
 * The budget of an adviser: calls and money within any hour, and calls at once.
 *
 * A call reserves the most it can cost and is settled at its real cost; a call whose cost stays unknown keeps
 * the reserved cost. Invariants: no hour has more calls or more money than configured; a tenant that shares the
 * budget takes at most its share of each (`decideShare`); there are at most as many entries as calls of an hour.
 */

/** The limits of a budget. */
export interface BudgetLimits {
  readonly callsPerHour: number
  readonly usdPerHour: number
  /** Calls under way at the same time. */
  readonly callsAtOnce: number
}

/** The tenant for which a call is made, while other tenants use the same budget. */
export interface Payer {
  readonly tenant: string
  /** Tenants that share the budget. */
  readonly tenants: number
}

interface Entry {
  readonly atMs: number
  readonly tenant: string | undefined
  usd: number
}

type Amounts = Readonly<Record<'capacity' | 'used' | 'own' | 'ask', number>>

/** Creates a budget with nothing spent. */
export function createBudget(limits: BudgetLimits, monotonicMs: () => number) {
  /** Oldest first. */
  const entries: Entry[] = []
  let underWay = 0

  /** Forgets what is older than an hour. */
  function forgetOld(): void {
    const sinceMs = monotonicMs() - HOUR_MS
    while (entries[0] !== undefined && entries[0].atMs <= sinceMs) entries.shift()
  }

  /** Whether the payer leaves calls and money to the other tenants. */
  function leavesRoom(costMaxUsd: number, { tenant, tenants }: Payer): boolean {
    const own = sumOf(entries.filter((entry) => entry.tenant === tenant))
    const all = sumOf(entries)
    const { callsPerHour, usdPerHour } = limits
    const calls = { capacity: callsPerHour, used: all.calls, own: own.calls, ask: 1 }
    const money = { capacity: usdPerHour, used: all.usd, own: own.usd, ask: costMaxUsd }
    return [calls, inMillionths(money)].every(
      (each) => decideShare({ ...each, tenants }).kind === 'take',
    )
  }

  return {
    /** Permission for a call that costs at most this, or undefined. */
    reserve(costMaxUsd: number, payer?: Payer) {
      forgetOld()
      const { calls, usd } = sumOf(entries)
      if (underWay >= limits.callsAtOnce || calls >= limits.callsPerHour) return undefined
      if (usd + costMaxUsd > limits.usdPerHour) return undefined
      if (payer !== undefined && !leavesRoom(costMaxUsd, payer)) return undefined
      const entry: Entry = { atMs: monotonicMs(), usd: costMaxUsd, tenant: payer?.tenant }
      entries.push(entry)
      underWay += 1
      let settled = false
      return {
        /** Ends the call; without a cost it counts as the reserved cost. */
        settle(costUsd: number | undefined): void {
          if (settled) return
          settled = true
          underWay -= 1
          entry.usd = costUsd ?? costMaxUsd
        },
      }
    },
  }
}

function sumOf(entries: readonly Entry[]): { readonly calls: number; readonly usd: number } {
  return { calls: entries.length, usd: entries.reduce((sum, { usd }) => sum + usd, 0) }
}

/** Shares are whole numbers. */
function inMillionths(usd: Amounts): Amounts {
  const of = (amount: number): number => Math.round(amount * 1e6)
  return { capacity: of(usd.capacity), used: of(usd.used), own: of(usd.own), ask: of(usd.ask) }
}
