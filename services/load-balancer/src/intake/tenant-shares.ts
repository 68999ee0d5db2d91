import {
  COST_UNKNOWN,
  DEFAULT_ALLOWANCE,
  placesOf,
  roomOf,
  type Balancers,
  type Claim,
  type TenantAllowance,
} from '@agentfleet/domain'
import type { Fresh, NodeTenants } from '@agentfleet/protocol'
import { createInFlight, NO_SUMS, type InFlightTasks } from './in-flight.ts'
import { createOthersTasks } from './others-tasks.ts'
import { ANNOUNCE_VALID_MS } from './peers.ts'
import type { InflightNotes } from '../placing/inflight-notes.ts'

/** What each tenant has in flight and what it may have. */
export type TenantShares = ReturnType<typeof createTenantShares>

/** The part of a claim on slots that concerns the tenant itself. */
type Standing = Omit<Claim, 'tenant' | 'waiting' | 'served'>

/** The allowance of each tenant by name; `*` applies to all others. */
export type Allowances = ReadonlyMap<string, TenantAllowance>

interface SharesDeps {
  readonly allowances: Allowances
  readonly balancers: () => Balancers
  readonly monotonicMs: () => number
}

/** Tenants named in one announcement. */
export const FULL_MAX = 1_000

/**
 * What each tenant has in flight and what it may have: the figures by which slots are shared; `balancers` are those that
 * share the limits. At first nothing is in flight.
 *
 * A task counts from the moment it is fetched or handed over until its node lists it as left. Tasks that
 * other load balancers gave to the nodes are known by what the nodes report (`others-tasks`);
 * `placesOf` splits a limit by that. A pointer that waits for its next delivery is not in flight, although
 * the server counts it as out of its consumer. Invariants: a task is counted once, whatever path it
 * returns by; a count that outlives its task (a lost hint, L6) ends when its node is declared dead or falls
 * silent, or when the node reports fewer tasks than are counted for it. What may be fetched depends on the tasks in
 * flight, what may be given to nodes on the tasks that nodes have: an open request can bring a pointer after its place
 * was given to another task, and such a pointer waits in hand.
 */
export function createTenantShares(deps: SharesDeps) {
  const { balancers, monotonicMs } = deps
  const inFlight = createInFlight(monotonicMs)
  const { sumsOf, tenants } = inFlight
  const others = createOthersTasks(balancers)
  const { allowanceOf, placesFor, announced, noticeSilence } = createPlaces(deps, others)

  const fetched = (taskId: string, tenant: string): void => {
    inFlight.remove(taskId)
    inFlight.add(taskId, tenant)
  }

  const standing = (tenant: string): Standing => {
    const { weight, concurrency } = allowanceOf(tenant)
    const { count, cost, mean, elsewhere } = tenants.get(tenant) ?? NO_SUMS
    const base = {
      weight,
      inFlight: count + elsewhere,
      inFlightCost: cost + elsewhere * mean,
      taskCost: mean,
    }
    if (concurrency === undefined) return base
    // The work that the other load balancers have in flight stands on both sides.
    return { ...base, concurrency: placesFor(tenant, concurrency) + elsewhere }
  }

  return {
    /** Returns what the policy needs to know about a tenant in addition to its backlog. */
    standing,
    /** Counts a fetched pointer of this tenant. */
    fetched,
    /** Wraps the notes, so that each task is counted when it reaches or leaves a node. */
    counting: (notes: InflightNotes) => countingNotes(inFlight, notes),
    heartbeat: inFlight.heartbeat,
    /** Uncounts a task that gets a pointer or returns to its queue. */
    released: inFlight.remove,
    /** Counts a task as in hand: the node that had it is gone. */
    unplaced: inFlight.returned,
    /** Returns how many more tasks of a tenant this load balancer may give to nodes; Infinity: the tenant has no limit. */
    placesLeft(tenant: string): number {
      const { concurrency } = allowanceOf(tenant)
      if (concurrency === undefined) return Infinity
      return placesFor(tenant, concurrency) - (tenants.get(tenant) ?? NO_SUMS).placed
    },
    /** This load balancer has announced itself, so the others keep its places free (PLACE-2). */
    announced,
    /** This incarnation of a node was declared dead: nothing runs there any more. */
    died: inFlight.died,
    /** The nodes are about to be asked what they run. */
    asking(): void {
      others.asking(new Map([...tenants].map(([tenant, { count }]) => [tenant, count])))
    },
    /** Records what one node runs, from all load balancers. */
    runs: (node: NodeTenants) => others.runs(node, inFlight.onNode(node.nodeId)),
    /** Counts what `runs` has said since `asking`, as `others-tasks` says. */
    tally(known?: ReadonlyMap<string, number>, complete = true): void {
      inFlight.sweep()
      noticeSilence()
      const elsewhere = others.tally(known, (tenant) => tenants.get(tenant)?.count ?? 0, complete)
      for (const [tenant, sums] of tenants) {
        sums.elsewhere = elsewhere.get(tenant) ?? 0
        if (sums.count === 0 && sums.elsewhere === 0) tenants.delete(tenant)
      }
      for (const [tenant, count] of elsewhere) if (count > 0) sumsOf(tenant).elsewhere = count
    },
    /**
     * Separates tasks that may be placed now, and counts them, from those above their tenant's limit. `waits`: whether
     * tasks of a tenant wait in hand, which new tasks must not pass.
     */
    admit(items: readonly Fresh[], waits: (tenant: string) => boolean = () => false) {
      const within: Fresh[] = []
      const beyond: Fresh[] = []
      for (const item of items) {
        const { taskId, tenant } = item.pointer
        const fits = !waits(tenant) && roomOf(standing(tenant)) >= 1
        if (fits) fetched(taskId, tenant)
        ;(fits ? within : beyond).push(item)
      }
      return { within, beyond }
    },
    /** Whether it has seen tasks of more than one tenant since its start. */
    several: inFlight.several,
    /** Returns the tenants that have reached their limit of tasks in flight. */
    full(): string[] {
      const names: string[] = []
      for (const tenant of tenants.keys())
        if (names.length < FULL_MAX && roomOf(standing(tenant)) < 1) names.push(tenant)
      return names
    },
  }
}

/** Creates the places of the tenants with limits; at first there are none (PLACE-2). */
function createPlaces(
  { allowances, balancers, monotonicMs }: SharesDeps,
  others: ReturnType<typeof createOthersTasks>,
) {
  let announcedAtMs = monotonicMs()
  /** After a silence the others have taken the places of this load balancer, and only a new count shows how many. */
  const noticeSilence = (): void => {
    if (monotonicMs() - announcedAtMs > ANNOUNCE_VALID_MS) others.forget()
  }
  return {
    noticeSilence,
    announced(): void {
      noticeSilence()
      others.notice()
      announcedAtMs = monotonicMs()
    },
    allowanceOf: (tenant: string): TenantAllowance =>
      allowances.get(tenant) ?? allowances.get('*') ?? DEFAULT_ALLOWANCE,
    /** How many tasks of a tenant with this limit this load balancer may have. */
    placesFor(tenant: string, concurrency: number): number {
      noticeSilence()
      others.notice()
      return placesOf(tenant, concurrency, others.countOf(tenant), balancers())
    },
  }
}

function countingNotes(inFlight: InFlightTasks, notes: InflightNotes): InflightNotes {
  return {
    ...notes,
    dispatched(item, nodeId) {
      const { taskId, tenant, cost = COST_UNKNOWN } = item.pointer
      // A run that only gets its pointer counts for the load balancer that gave it to the node.
      if (item.runsAt === undefined || inFlight.has(taskId)) {
        inFlight.place(taskId, tenant, cost, nodeId)
      }
      notes.dispatched(item, nodeId)
    },
    ended(taskIds, nodeId) {
      for (const taskId of taskIds) inFlight.ended(taskId, nodeId)
      notes.ended(taskIds, nodeId)
    },
    returned(taskIds) {
      for (const taskId of taskIds) inFlight.returned(taskId)
      notes.returned(taskIds)
    },
    nodeGone(nodeId) {
      inFlight.clear(nodeId)
      notes.nodeGone(nodeId)
    },
  }
}
