import { createTally, decideShare } from '@agentfleet/domain'

/** The size of a burst, and the time after which one more may pass. */
export interface AllowanceLimits {
  readonly burst: number
  readonly oneEveryMs: number
}

/** The tenant that causes something, and how many tenants share the fleet. */
export interface Payer {
  readonly tenant: string
  readonly tenants: number
}

/** Stands for what no tenant causes. */
const FLEET = ''

/**
 * A bucket that refills by itself: bursts pass, and a lasting stream passes at a bounded rate. Invariant (L7): a tenant
 * takes at most its share of what the bucket holds.
 */
export function createAllowance({ burst, oneEveryMs }: AllowanceLimits, monotonicMs: () => number) {
  /** Who took what has not been refilled yet, the oldest first. */
  const taken: string[] = []
  const held = createTally()
  let filledAtMs = monotonicMs()

  const refill = (): void => {
    const nowMs = monotonicMs()
    const due = Math.floor((nowMs - filledAtMs) / oneEveryMs)
    for (const owner of taken.splice(0, due)) held.add(owner, -1)
    filledAtMs = taken.length === 0 ? nowMs : filledAtMs + due * oneEveryMs
  }

  return {
    /** Takes one; false when none is left, or none for this tenant. */
    take(payer?: Payer): boolean {
      if (burst === Infinity) return true
      refill()
      const used = taken.length
      if (used >= burst) return false
      const tenant = payer?.tenant ?? FLEET
      const share = { capacity: burst, used, own: held.of(tenant), ask: 1 }
      if (
        payer !== undefined &&
        decideShare({ ...share, tenants: payer.tenants }).kind !== 'take'
      ) {
        return false
      }
      taken.push(tenant)
      held.add(tenant, 1)
      return true
    },
  }
}
