import { boundedRuns, type Balancers, type RunsByGiver, type TenantCount } from '@agentfleet/domain'
import type { NodeTenants } from '@agentfleet/protocol'

/** Stands for the load balancers of the tasks that no node has named; no load balancer has this name. */
const UNHEARD = '(unheard)'
/** Stands for this load balancer, for tasks that it gave to nodes and no longer counts. */
const UNCOUNTED = '(uncounted)'

/** The result of a round. */
interface Counted {
  readonly asked: Balancers
  readonly givers: RunsByGiver
}

/**
 * How many tasks of each tenant the nodes run for other load balancers, as the nodes say it in rounds of answers;
 * `balancers` are those that share the limits. If a node says that it runs more for this load balancer than this load
 * balancer counts, its count has lost a task, and the rest counts like the tasks of a load balancer that is gone.
 *
 * Invariant: nodes together claim no more tasks of a tenant than a coordinator knows to be in flight (L9).
 */
export function createOthersTasks(balancers: () => Balancers) {
  /** The tasks of others in the answers since the question, by tenant. */
  const sums = new Map<string, number>()
  let heard: RunsByGiver = new Map()
  /** The tasks that nodes say this load balancer gave to them. */
  const given = new Map<string, number>()
  let asked = balancers()
  let asking = false
  let ownThen: ReadonlyMap<string, number> = new Map()
  let counted: Counted | undefined
  const lived = createLived()

  return {
    /** Begins a round; `own`: the tasks of each tenant that this load balancer has in flight now. */
    asking(own: ReadonlyMap<string, number>): void {
      asked = balancers()
      lived.asking()
      asking = true
      ownThen = own
      heard = new Map()
      sums.clear()
      given.clear()
    },
    /** Records what one node runs; `own`: the tasks of each tenant that this load balancer has on the node. */
    runs({ tenants, givers = {} }: NodeTenants, own: ReadonlyMap<string, number>): void {
      for (const [tenant, count] of Object.entries(tenants)) {
        const others = Math.max(0, count - (own.get(tenant) ?? 0))
        sums.set(tenant, (sums.get(tenant) ?? 0) + others)
      }
      for (const [giver, held] of Object.entries(givers)) {
        const those = giver === asked.own ? given : (heard.get(giver) ?? new Map<string, number>())
        addAll(those, held)
        if (giver !== asked.own) heard.set(giver, those)
      }
    },
    /**
     * Ends a round and returns the tasks of others by tenant. `inFlight`: how many tasks of each tenant a coordinator
     * knows to be in flight; undefined: none has said it, so the nodes are believed. `complete`: every node that has
     * tasks has answered; otherwise what no node has said, but a coordinator knows, runs for a load balancer that is gone.
     */
    tally(
      inFlight: ReadonlyMap<string, number> | undefined,
      ownNow: (tenant: string) => number,
      complete: boolean,
    ): ReadonlyMap<string, number> {
      // What this process gave is counted task by task.
      const countedOf = (tenant: string): number =>
        Math.max(ownThen.get(tenant) ?? 0, ownNow(tenant))
      heard.set(UNCOUNTED, restOf(given, countedOf))
      if (inFlight !== undefined) {
        /** How many tasks of a tenant the nodes can have from other load balancers. */
        const most = (tenant: string): number => {
          const own = Math.min(ownThen.get(tenant) ?? 0, ownNow(tenant))
          return Math.max(0, (inFlight.get(tenant) ?? 0) - own)
        }
        heard = boundedRuns(heard, asked.living, most)
        for (const [tenant, count] of sums) sums.set(tenant, Math.min(count, most(tenant)))
        if (!complete) {
          for (const tenant of inFlight.keys()) sums.set(tenant, most(tenant))
          const unheard = restOf(sums, (tenant) => runsOf(heard, tenant))
          heard.set(UNHEARD, unheard)
        }
      }
      counted = asking ? { asked, givers: heard } : undefined
      lived.counted()
      asking = false
      return sums
    },
    /** Forgets all that was counted, and the round under way: other load balancers may have taken its places. */
    forget(): void {
      counted = undefined
      asking = false
    },
    /** Looks which load balancers live; call it more often than a new one needs to place its first task. */
    notice: () => lived.add(balancers().living),
    /** Returns what the last finished round said of a tenant, by load balancer; undefined before the first. */
    countOf: (tenant: string): TenantCount | undefined =>
      counted === undefined ? undefined : countIn(counted, tenant, lived.sinceCount()),
  }
}

/** Creates the memory of the load balancers that have lived since the last count, and since the open question. */
function createLived() {
  let sinceCount = new Set<string>()
  let sinceQuestion = new Set<string>()
  return {
    sinceCount: (): ReadonlySet<string> => sinceCount,
    asking: () => void (sinceQuestion = new Set()),
    /** The answers to the question have become the last count. */
    counted: () => void (sinceCount = new Set(sinceQuestion)),
    add(living: readonly string[]): void {
      for (const balancer of living) {
        sinceCount.add(balancer)
        sinceQuestion.add(balancer)
      }
    },
  }
}

function countIn(
  { asked, givers }: Counted,
  tenant: string,
  lived: ReadonlySet<string>,
): TenantCount {
  const runs = new Map<string, number>()
  for (const [giver, held] of givers) runs.set(giver, held.get(tenant) ?? 0)
  return { runs, asked, lived }
}

function addAll(sums: Map<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + count)
}

function runsOf(heard: RunsByGiver, tenant: string): number {
  let sum = 0
  for (const runs of heard.values()) sum += runs.get(tenant) ?? 0
  return sum
}

/** The rest of these amounts without others, where something is left. */
function restOf(
  amounts: ReadonlyMap<string, number>,
  withoutOf: (name: string) => number,
): Map<string, number> {
  const rest = new Map<string, number>()
  for (const [name, amount] of amounts) {
    const left = amount - withoutOf(name)
    if (left > 0) rest.set(name, left)
  }
  return rest
}
