import {
  COST_UNKNOWN,
  createCompactingMap,
  DEFAULT_ALLOWANCE,
  roomOf,
  type CompactingMap,
  type Claim,
  type TenantAllowance,
} from '@agentfleet/domain'
import type { Heartbeat, Fresh, NodeTenants } from '@agentfleet/protocol'
import type { InflightNotes } from '../placing/inflight-notes.ts'

/**
 * What each tenant has in flight, and what it is allowed: the figures by which slots are shared.
 *
 * A task counts from the moment it was fetched or handed over until its node names it among those that
 * left. Tasks that other load balancers hold, or that this one's predecessor handed over, are known as
 * numbers: by what is out of the tenant's consumers, and by what the nodes say they run. Until both were
 * heard once, a tenant with a limit has no room. Invariants: a task is counted once, whatever way it
 * comes back; a count that outlived its task (a lost hint, L6) ends with the node or when the node
 * shows fewer tasks than are counted for it.
 */
export interface TenantShares {
  /** Pointers of this tenant that were fetched. */
  fetched(taskId: string, tenant: string): void
  /** The notes, with each task that comes to a node or leaves it counted on the way. */
  counting(notes: InflightNotes): InflightNotes
  heartbeat(heartbeat: Heartbeat): void
  /** It gets a pointer, or goes back to its queue: no longer in hand here. */
  released(taskId: string): void
  /** Pointers that are out of the tenants' consumers, with whomever. */
  out(counts: ReadonlyMap<string, number>): void
  /** What one node runs, whoever gave it that. */
  runs(node: NodeTenants): void
  /** What `out` and `runs` have said since the last time is what there is elsewhere. */
  tally(): void
  /** What the policy has to know of a tenant beside what waits. */
  standing(tenant: string): Standing
  /** Parts what may be placed now, and is in hand from here on, from what is above its tenant's limit. */
  admit(items: readonly Fresh[]): { within: Fresh[]; beyond: Fresh[] }
  /** Tenants that have as many tasks in flight as they may. */
  full(): string[]
}

/** One tenant's part of a claim. */
export type Standing = Omit<Claim, 'tenant' | 'waiting' | 'served'>

/** What every tenant is allowed, by name; `*` is for those that are not named. */
export type Allowances = ReadonlyMap<string, TenantAllowance>

interface InFlight {
  readonly tenant: string
  cost: number
  /** Undefined while it is in hand. */
  nodeId: string | undefined
  readonly fromQueue: boolean
  sinceMs: number
}

interface Sums {
  count: number
  cost: number
  /** Those of them whose pointers are out of the tenant's own consumers. */
  fromQueue: number
  /** Mean cost of its tasks. */
  mean: number
  /** In flight with others. */
  elsewhere: number
}

/** How much the newest task weighs in the mean cost of its tenant. */
const MEAN_SHARE = 0.1
/** A heartbeat may be older than what was dispatched this long ago, milliseconds. */
const HEARTBEAT_BEHIND_MS = 3_000
/** A task that was fetched and never came to a node was none, milliseconds. */
const IN_HAND_MAX_MS = 120_000
/** Tenants named in one announcement. */
const FULL_MAX = 1_000

/** Nothing in flight; `share` is this load balancer's part of all slots. */
export function createTenantShares(deps: {
  readonly allowances: Allowances
  readonly share: () => number
  readonly monotonicMs: () => number
}): TenantShares {
  const { allowances, share, monotonicMs } = deps
  const tasks = createCompactingMap<string, InFlight>()
  const nodes = new Map<string, CompactingMap<string, InFlight>>()
  const tenants = new Map<string, Sums>()
  /** What was heard since the last tally. */
  const outElsewhere = new Map<string, number>()
  const runElsewhere = new Map<string, number>()
  let tallied = false

  const sumsOf = (tenant: string): Sums => {
    const known = tenants.get(tenant)
    if (known !== undefined) return known
    const sums = { count: 0, cost: 0, fromQueue: 0, mean: COST_UNKNOWN, elsewhere: 0 }
    tenants.set(tenant, sums)
    return sums
  }

  const allowanceOf = (tenant: string): TenantAllowance =>
    allowances.get(tenant) ?? allowances.get('*') ?? DEFAULT_ALLOWANCE

  const remove = (taskId: string): void => {
    const task = tasks.get(taskId)
    if (task === undefined) return
    tasks.delete(taskId)
    leave(taskId, task)
    const sums = sumsOf(task.tenant)
    sums.count -= 1
    sums.cost -= task.cost
    if (task.fromQueue) sums.fromQueue -= 1
    if (sums.count === 0 && sums.elsewhere === 0) tenants.delete(task.tenant)
  }

  const leave = (taskId: string, { nodeId }: InFlight): void => {
    if (nodeId === undefined) return
    const held = nodes.get(nodeId)
    held?.delete(taskId)
    if (held?.size === 0) nodes.delete(nodeId)
  }

  const add = (taskId: string, tenant: string, fromQueue: boolean): InFlight => {
    const sums = sumsOf(tenant)
    const task = { tenant, cost: sums.mean, nodeId: undefined, fromQueue, sinceMs: monotonicMs() }
    tasks.set(taskId, task)
    sums.count += 1
    sums.cost += task.cost
    if (fromQueue) sums.fromQueue += 1
    return task
  }

  const place = (taskId: string, tenant: string, cost: number, nodeId: string): void => {
    const task = tasks.get(taskId) ?? add(taskId, tenant, false)
    const sums = sumsOf(tenant)
    sums.cost += cost - task.cost
    sums.mean += (cost - sums.mean) * MEAN_SHARE
    leave(taskId, task)
    task.cost = cost
    task.nodeId = nodeId
    task.sinceMs = monotonicMs()
    const held = nodes.get(nodeId) ?? createCompactingMap()
    if (held.size === 0) nodes.set(nodeId, held)
    held.set(taskId, task)
  }

  const standing = (tenant: string): Standing => {
    const { weight, concurrency } = allowanceOf(tenant)
    const sums = tenants.get(tenant)
    const mean = sums?.mean ?? COST_UNKNOWN
    const count = sums?.count ?? 0
    const elsewhere = sums?.elsewhere ?? 0
    const base = {
      weight,
      inFlight: count + elsewhere,
      inFlightCost: (sums?.cost ?? 0) + elsewhere * mean,
      taskCost: mean,
    }
    if (concurrency === undefined) return base
    // Two that see the same free place must not both fill it: each has its part of the limit.
    const own = Math.max(1, Math.ceil(concurrency * share()))
    const most = tallied ? Math.min(concurrency, own + elsewhere) : 0
    return { ...base, concurrency: most }
  }

  const sweepHand = (): void => {
    for (const [taskId, task] of tasks) {
      // In order of their coming: the oldest are first.
      if (monotonicMs() - task.sinceMs < IN_HAND_MAX_MS) break
      if (task.nodeId === undefined) remove(taskId)
    }
  }

  return {
    standing,
    fetched(taskId, tenant) {
      remove(taskId)
      add(taskId, tenant, true)
    },
    counting(notes) {
      return {
        ...notes,
        dispatched(item, nodeId) {
          const { taskId, tenant, cost = COST_UNKNOWN } = item.pointer
          place(taskId, tenant, cost, nodeId)
          notes.dispatched(item, nodeId)
        },
        ended(taskIds) {
          for (const taskId of taskIds) remove(taskId)
          notes.ended(taskIds)
        },
        nodeGone(nodeId) {
          for (const taskId of nodes.get(nodeId)?.keys() ?? []) remove(taskId)
          notes.nodeGone(nodeId)
        },
      }
    },
    heartbeat({ nodeId, active, queued }) {
      const held = nodes.get(nodeId)
      if (held === undefined || held.size <= active + queued) return
      const before = monotonicMs() - HEARTBEAT_BEHIND_MS
      const old = [...held].filter(([, { sinceMs }]) => sinceMs < before)
      for (const [taskId] of old.slice(0, Math.max(0, old.length - active - queued))) remove(taskId)
    },
    released: remove,
    out(counts) {
      sweepHand()
      for (const [tenant, count] of counts) {
        outElsewhere.set(tenant, count - (tenants.get(tenant)?.fromQueue ?? 0))
      }
    },
    runs(node) {
      const own = new Map<string, number>()
      for (const { tenant } of nodes.get(node.nodeId)?.values() ?? []) {
        own.set(tenant, (own.get(tenant) ?? 0) + 1)
      }
      for (const [tenant, count] of Object.entries(node.tenants)) {
        const others = Math.max(0, count - (own.get(tenant) ?? 0))
        runElsewhere.set(tenant, (runElsewhere.get(tenant) ?? 0) + others)
      }
    },
    tally() {
      tallied = true
      // A task may be in both figures: out of a consumer, and on its node.
      const elsewhere = new Map(runElsewhere)
      for (const [tenant, count] of outElsewhere) {
        elsewhere.set(tenant, Math.max(count, elsewhere.get(tenant) ?? 0))
      }
      outElsewhere.clear()
      runElsewhere.clear()
      for (const [tenant, sums] of tenants) {
        sums.elsewhere = Math.max(0, elsewhere.get(tenant) ?? 0)
        if (sums.count === 0 && sums.elsewhere === 0) tenants.delete(tenant)
      }
      for (const [tenant, count] of elsewhere) if (count > 0) sumsOf(tenant).elsewhere = count
    },
    admit(items) {
      const within: Fresh[] = []
      const beyond: Fresh[] = []
      for (const item of items) {
        const { taskId, tenant } = item.pointer
        if (roomOf(standing(tenant)) < 1) {
          beyond.push(item)
          continue
        }
        remove(taskId)
        add(taskId, tenant, false)
        within.push(item)
      }
      return { within, beyond }
    },
    full() {
      const names: string[] = []
      for (const tenant of tenants.keys()) {
        if (names.length < FULL_MAX && roomOf(standing(tenant)) < 1) names.push(tenant)
      }
      return names
    },
  }
}
