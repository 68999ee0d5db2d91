/** Tasks that nodes say they run: by the load balancer process that gave them, then by tenant. */
export type RunsByGiver = Map<string, Map<string, number>>

/**
 * Cuts what nodes say down to `most` tasks of each tenant. A node can say anything, so without this a single node
 * could use up the limit of a tenant (L9). Runs that load balancers gave which live now count first: a false report
 * mostly names a load balancer that is gone.
 */
export function boundedRuns(
  said: RunsByGiver,
  living: readonly string[],
  most: (tenant: string) => number,
): RunsByGiver {
  const left = new Map<string, number>()
  const bounded: RunsByGiver = new Map()
  const gone = [...said.keys()].filter((giver) => !living.includes(giver))
  for (const giver of [...living, ...gone]) {
    const runs = new Map<string, number>()
    for (const [tenant, count] of said.get(giver) ?? []) {
      const room = left.get(tenant) ?? most(tenant)
      const taken = Math.min(count, room)
      left.set(tenant, room - taken)
      if (taken > 0) runs.set(tenant, taken)
    }
    if (runs.size > 0) bounded.set(giver, runs)
  }
  return bounded
}
