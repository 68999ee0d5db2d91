import { decideShare } from './share.ts'
import { createTally } from './tally.ts'

/** The size of a burst, and the time after which one more may pass. */
export interface AllowanceLimits {
  readonly burst: number
  readonly oneEveryMs: number
}

/** Stands for what no tenant causes. */
const FLEET = ''

/**
 * A bucket that refills by itself: bursts pass, and a lasting stream passes at a bounded rate. Invariant (L7): a tenant
 * takes at most its share of what the bucket holds.
 */
export function createAllowance({ burst, oneEveryMs }: AllowanceLimits) {
  /** Who took what has not been refilled yet, the oldest first. */
  const taken: string[] = []
  const held = createTally()
  let filledAtMs = 0

  const refill = (nowMs: number): void => {
    if (taken.length === 0) {
      filledAtMs = nowMs
      return
    }
    const due = Math.floor((nowMs - filledAtMs) / oneEveryMs)
    if (due < 1) return
    for (const owner of taken.splice(0, due)) held.add(owner, -1)
    filledAtMs = taken.length === 0 ? nowMs : filledAtMs + due * oneEveryMs
  }

  return {
    /** Takes one; false when none is left, or none for this tenant. `tenants`: how many share the bucket. */
    take(nowMs: number, tenant = FLEET, tenants = 1): boolean {
      if (burst === Infinity) return true
      refill(nowMs)
      const used = taken.length
      if (used >= burst) return false
      const own = held.of(tenant)
      if (decideShare({ capacity: burst, used, own, ask: 1, tenants }).kind !== 'take') return false
      taken.push(tenant)
      held.add(tenant, 1)
      return true
    },
  }
}
