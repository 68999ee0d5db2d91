import { limitOf, type TenantLimits } from './limits.ts'

/** The tasks of a tenant in one queue. */
interface Queue {
  readonly tenant: string
  readonly waiting: number
  readonly inFlight: number
}

/** A tenant that runs as many tasks as its limit allows, and has more that wait. */
export interface HeldTenant {
  readonly tenant: string
  readonly waiting: number
  readonly concurrency: number
}

/** Finds the tenants whose tasks wait for the limit of their tenant, however many slots are free; most tasks first. */
export function heldTenants(queues: readonly Queue[], limits: TenantLimits): readonly HeldTenant[] {
  const sums = new Map<string, { waiting: number; inFlight: number }>()
  for (const { tenant, waiting, inFlight } of queues) {
    const sum = sums.get(tenant) ?? { waiting: 0, inFlight: 0 }
    sum.waiting += waiting
    sum.inFlight += inFlight
    sums.set(tenant, sum)
  }
  return [...sums]
    .flatMap(([tenant, { waiting, inFlight }]) => {
      const { concurrency } = limitOf(limits, tenant)
      const isHeld = concurrency !== undefined && waiting > 0 && inFlight >= concurrency
      return isHeld ? [{ tenant, waiting, concurrency }] : []
    })
    .toSorted((a, b) => b.waiting - a.waiting)
}
