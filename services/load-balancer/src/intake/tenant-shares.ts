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
 * What each tenant has in flight and what it may have: the figures by which slots are shared.
 *
 * A task counts from the moment it is fetched or handed over until its node lists it as left. Tasks
 * of other load balancers, or of an earlier process of this one, are known only as numbers: the
 * pointers that are out of the tenant's consumers, and the runs that the nodes report. Until both
 * numbers have arrived once, a tenant with a limit has no room. Invariants: a task is counted once,
 * through whichever path it returns; a count that outlives its task (a lost hint, L6) ends with the
 * node or when the node reports fewer tasks than are counted for it.
 */
export interface TenantShares {
  /** Counts a fetched pointer of this tenant. */
  fetched(taskId: string, tenant: string): void
  /** Wraps the notes, so that each task is counted when it reaches or leaves a node. */
  counting(notes: InflightNotes): InflightNotes
  heartbeat(heartbeat: Heartbeat): void
  /** Uncounts a task that gets a pointer or returns to its queue. */
  released(taskId: string): void
  /** Records how many pointers are out of each tenant's consumers, at all load balancers. */
  out(counts: ReadonlyMap<string, number>): void
  /** Records what one node runs, from all load balancers. */
  runs(node: NodeTenants): void
  /** Makes the figures recorded by `out` and `runs` since the last call the current ones. */
  tally(): void
  /** Returns what the policy needs to know about a tenant besides its backlog. */
  standing(tenant: string): Standing
  /**
   * Separates tasks that may be placed now, and counts them, from those above their tenant's limit.
   */
  admit(items: readonly Fresh[]): { within: Fresh[]; beyond: Fresh[] }
  /** Returns the tenants that have reached their limit of tasks in flight. */
  full(): string[]
}

/** The part of a claim on slots that concerns the tenant itself. */
export type Standing = Omit<Claim, 'tenant' | 'waiting' | 'served'>

/** The allowance of each tenant by name; `*` applies to all others. */
export type Allowances = ReadonlyMap<string, TenantAllowance>

interface InFlight {
  readonly tenant: string
  cost: number
  /** Undefined while the task is in hand. */
  nodeId: string | undefined
  readonly fromQueue: boolean
  sinceMs: number
}

interface Sums {
  count: number
  cost: number
  /** The number of them whose pointers come from the tenant's own consumers. */
  fromQueue: number
  /** The mean cost of the tenant's tasks. */
  mean: number
  /** Tasks in flight at other load balancers. */
  elsewhere: number
}

/** The weight of the newest task in the mean cost of its tenant. */
const MEAN_SHARE = 0.1
/** Milliseconds; a heartbeat may be older than a dispatch of this age. */
const HEARTBEAT_BEHIND_MS = 3_000
/** Milliseconds after which a fetched task that never reached a node no longer counts. */
const IN_HAND_MAX_MS = 120_000
/** Tenants named in one announcement. */
const FULL_MAX = 1_000

/** Creates empty shares; `share` is this load balancer's share of all slots. */
export function createTenantShares(deps: {
  readonly allowances: Allowances
  readonly share: () => number
  readonly monotonicMs: () => number
}): TenantShares {
  const { allowances, share, monotonicMs } = deps
  const tasks = createCompactingMap<string, InFlight>()
  const nodes = new Map<string, CompactingMap<string, InFlight>>()
  const tenants = new Map<string, Sums>()
  /** Reports since the last tally. */
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
    // Two load balancers must not both fill the same free place, so each has its share of the
    // limit.
    const own = Math.max(1, Math.ceil(concurrency * share()))
    const most = tallied ? Math.min(concurrency, own + elsewhere) : 0
    return { ...base, concurrency: most }
  }

  const sweepHand = (): void => {
    for (const [taskId, task] of tasks) {
      // The oldest tasks come first.
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
