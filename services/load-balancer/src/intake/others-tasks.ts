import { boundedRuns, type Balancers, type RunsByGiver, type TenantCount } from '@agentfleet/domain'
import type { NodeTenants } from '@agentfleet/protocol'

/**
 * How many tasks of each tenant the nodes run for other load balancers, as the nodes say it in rounds of answers.
 *
 * Invariant: nodes together claim no more tasks of a tenant than a coordinator knows to be in flight (L9).
 */
interface OthersTasks {
  /** Begins a round; `own`: the tasks of each tenant that this load balancer has in flight now. */
  asking(own: ReadonlyMap<string, number>): void
  /** Records what one node runs; `own`: the tasks of each tenant that this load balancer has on the node. */
  runs(node: NodeTenants, own: ReadonlyMap<string, number>): void
  /**
   * Ends a round and returns the tasks of others by tenant. `inFlight`: how many tasks of each tenant a coordinator
   * knows to be in flight; undefined: none has said it, so the nodes are believed.
   */
  tally(
    inFlight: ReadonlyMap<string, number> | undefined,
    ownNow: (tenant: string) => number,
  ): ReadonlyMap<string, number>
  /** Returns what the last finished round said of a tenant, by load balancer; undefined before the first. */
  countOf(tenant: string): TenantCount | undefined
}

/** Creates the count before its first round; `balancers` are those that share the limits. */
export function createOthersTasks(balancers: () => Balancers): OthersTasks {
  /** The tasks of others in the answers since the question, by tenant. */
  const sums = new Map<string, number>()
  let heard: RunsByGiver = new Map()
  let asked = balancers()
  let ownThen: ReadonlyMap<string, number> = new Map()
  let counted: { readonly asked: Balancers; readonly givers: RunsByGiver } | undefined

  return {
    asking(own) {
      asked = balancers()
      ownThen = own
      heard = new Map()
      sums.clear()
    },
    runs({ tenants, givers = {} }, own) {
      for (const [tenant, count] of Object.entries(tenants)) {
        const others = Math.max(0, count - (own.get(tenant) ?? 0))
        sums.set(tenant, (sums.get(tenant) ?? 0) + others)
      }
      for (const [giver, held] of Object.entries(givers)) {
        // What this process gave is counted task by task.
        if (giver === asked.own) continue
        const given = heard.get(giver) ?? new Map<string, number>()
        for (const [tenant, count] of Object.entries(held)) {
          given.set(tenant, (given.get(tenant) ?? 0) + count)
        }
        heard.set(giver, given)
      }
    },
    tally(inFlight, ownNow) {
      if (inFlight !== undefined) {
        /** How many tasks of a tenant the nodes can have from other load balancers. */
        const most = (tenant: string): number => {
          const own = Math.min(ownThen.get(tenant) ?? 0, ownNow(tenant))
          return Math.max(0, (inFlight.get(tenant) ?? 0) - own)
        }
        heard = boundedRuns(heard, asked.living, most)
        for (const [tenant, count] of sums) sums.set(tenant, Math.min(count, most(tenant)))
      }
      counted = { asked, givers: heard }
      return sums
    },
    countOf(tenant) {
      if (counted === undefined) return undefined
      const runs = new Map<string, number>()
      for (const [giver, held] of counted.givers) runs.set(giver, held.get(tenant) ?? 0)
      return { runs, asked: counted.asked }
    },
  }
}
