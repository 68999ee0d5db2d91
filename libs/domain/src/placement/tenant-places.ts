import { keyHash } from './affinity.ts'
import { partOf } from './credits.ts'

/**
 * How several load balancers keep one limit of a tenant together, without asking each other for each task.
 *
 * The places of a limit are parted among the load balancers that live. The tasks of a load balancer that is gone
 * still run on their nodes and use up places, so the other load balancers divide the remaining places.
 * Invariants:
 * - PLACE-1: load balancers with the same counts fill the limit exactly; none of its places is lost.
 * - PLACE-2: a load balancer gives up places as soon as it hears of another load balancer, and takes more
 *   only after a count of what runs that began later, and none while a load balancer has come and left since its
 *   count. So no change of the fleet makes them overrun the limit.
 * - PLACE-3: a load balancer that holds more than its part keeps these places from the other load
 *   balancers until its tasks have ended.
 */

/** The load balancers that live, and the position of this load balancer among their sorted ids. */
export interface Balancers {
  readonly own: string
  /** Sorted; `own` is one of them. A process that has started again counts as another load balancer. */
  readonly living: readonly string[]
}

/** What the nodes run of one tenant, by the load balancer that gave it to them. */
export interface TenantCount {
  readonly runs: ReadonlyMap<string, number>
  /** Who lived when the nodes were asked. */
  readonly asked: Balancers
  /** Who lived at any time since then. */
  readonly lived: ReadonlySet<string>
}

/** How many tasks of a tenant with this limit one load balancer may have in flight. */
export function placesOf(
  tenant: string,
  limit: number,
  count: TenantCount | undefined,
  now: Balancers,
): number {
  // PLACE-2: before the first count anything may run already.
  if (count === undefined || hasMissed(count, now)) return 0
  const salt = keyHash(tenant)
  const then = partAmong(limit, count, count.asked, salt)
  return sameBalancers(now, count.asked) ? then : Math.min(then, partAmong(limit, count, now, salt))
}

/** Whether a load balancer has come and left since the count: its tasks are not in the count. */
function hasMissed({ asked, lived }: TenantCount, { living }: Balancers): boolean {
  for (const balancer of lived)
    if (!living.includes(balancer) && !asked.living.includes(balancer)) return true
  return false
}

function partAmong(
  limit: number,
  { runs, asked }: Pick<TenantCount, 'runs' | 'asked'>,
  { own, living }: Balancers,
  salt: number,
): number {
  let orphans = 0
  for (const [balancer, held] of runs) if (!living.includes(balancer)) orphans += held
  for (const [index, balancer] of asked.living.entries()) {
    // It has left since the count, and may have filled its part before.
    if (living.includes(balancer)) continue
    const its = partOf(limit, asked.living.length, index, salt)
    orphans += Math.max(0, its - (runs.get(balancer) ?? 0))
  }
  const left = Math.max(0, limit - orphans)
  let others = 0
  let mine = 0
  for (const [index, balancer] of living.entries()) {
    const its = partOf(left, living.length, index, salt)
    if (balancer === own) mine = its
    else others += Math.max(its, runs.get(balancer) ?? 0)
  }
  return Math.max(0, Math.min(mine, left - others))
}

function sameBalancers(one: Balancers, other: Balancers): boolean {
  return (
    one.living.length === other.living.length &&
    one.living.every((balancer, index) => balancer === other.living[index])
  )
}
