import {
  COST_UNKNOWN,
  createCompactingMap,
  DEFAULT_ALLOWANCE,
  placesOf,
  roomOf,
  type Balancers,
  type CompactingMap,
  type Claim,
  type TenantAllowance,
} from '@agentfleet/domain'
import type { Heartbeat, Fresh, NodeTenants } from '@agentfleet/protocol'
import { createOthersTasks } from './others-tasks.ts'
import type { InflightNotes } from '../placing/inflight-notes.ts'

/**
 * What each tenant has in flight and what it may have: the figures by which slots are shared.
 *
 * A task counts from the moment it is fetched or handed over until its node lists it as left. Tasks that
 * other load balancers gave to the nodes are known by what the nodes report (`others-tasks`);
 * `placesOf` splits a limit by that. A pointer that waits for its next delivery is not in flight, although
 * the server counts it as out of its consumer. Invariants: a task is counted once, whatever path it
 * returns by; a count that outlives its task (a lost hint, L6) ends when its node is declared dead or falls
 * silent, or when the node reports fewer tasks than are counted for it.
 */
export interface TenantShares {
  /** Counts a fetched pointer of this tenant. */
  fetched(taskId: string, tenant: string): void
  /** Wraps the notes, so that each task is counted when it reaches or leaves a node. */
  counting(notes: InflightNotes): InflightNotes
  heartbeat(heartbeat: Heartbeat): void
  /** Uncounts a task that gets a pointer or returns to its queue. */
  released(taskId: string): void
  /** This incarnation of a node was declared dead: nothing runs there any more. */
  died(nodeId: string, incarnation: number): void
  /** The nodes are about to be asked what they run. */
  asking(): void
  /** Records what one node runs, from all load balancers. */
  runs(node: NodeTenants): void
  /**
   * Counts what `runs` has said since `asking`. `inFlight`: how many tasks of each tenant a coordinator knows to
   * be in
   * flight; undefined: none has said it, so the nodes are believed.
   */
  tally(inFlight?: ReadonlyMap<string, number>): void
  /** Returns what the policy needs to know about a tenant in addition to its backlog. */
  standing(tenant: string): Standing
  /** Separates tasks that may be placed now, and counts them, from those above their tenant's limit. */
  admit(
    items: readonly Fresh[],
    /** Whether tasks of this tenant wait in hand, which new tasks must not pass. */
    waits?: (tenant: string) => boolean,
  ): { within: Fresh[]; beyond: Fresh[] }
  /** Whether it has seen tasks of more than one tenant since its start. */
  several(): boolean
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
  sinceMs: number
}

interface Sums {
  count: number
  cost: number
  /** Mean cost of its tasks. */
  mean: number
  /** The tasks in flight that other load balancers gave to nodes. */
  elsewhere: number
}

/** The tasks of this load balancer on one node. */
interface OnNode {
  readonly tasks: CompactingMap<string, InFlight>
  heardAtMs: number
  incarnation: number
}

/** How much the newest task weighs in the mean cost of its tenant. */
const MEAN_SHARE = 0.1
/** Milliseconds; a heartbeat may be older than a dispatch of this age. */
const HEARTBEAT_BEHIND_MS = 3_000
/** A node that is silent for so long has been declared dead, or runs what others may run too, milliseconds. */
const NODE_SILENT_MS = 10_000
/** A task that was fetched and never came to a node was none, milliseconds. */
const IN_HAND_MAX_MS = 120_000
/** Tenants named in one announcement. */
export const FULL_MAX = 1_000

/** Nothing in flight; `balancers` are those that share the limits. */
export function createTenantShares(deps: {
  readonly allowances: Allowances
  readonly balancers: () => Balancers
  readonly monotonicMs: () => number
}): TenantShares {
  const { allowances, balancers, monotonicMs } = deps
  const tasks = createCompactingMap<string, InFlight>()
  const nodes = new Map<string, OnNode>()
  const tenants = new Map<string, Sums>()
  const others = createOthersTasks(balancers)
  let firstTenant: string | undefined
  let several = false

  const sumsOf = (tenant: string): Sums => {
    const known = tenants.get(tenant)
    if (known !== undefined) return known
    const sums = { count: 0, cost: 0, mean: COST_UNKNOWN, elsewhere: 0 }
    tenants.set(tenant, sums)
    firstTenant ??= tenant
    several ||= tenant !== firstTenant
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
    if (sums.count === 0 && sums.elsewhere === 0) tenants.delete(task.tenant)
  }

  const leave = (taskId: string, { nodeId }: InFlight): void => {
    if (nodeId === undefined) return
    const held = nodes.get(nodeId)
    held?.tasks.delete(taskId)
    if (held?.tasks.size === 0) nodes.delete(nodeId)
  }

  const add = (taskId: string, tenant: string): InFlight => {
    const sums = sumsOf(tenant)
    const task = { tenant, cost: sums.mean, nodeId: undefined, sinceMs: monotonicMs() }
    tasks.set(taskId, task)
    sums.count += 1
    sums.cost += task.cost
    return task
  }

  const place = (taskId: string, tenant: string, cost: number, nodeId: string): void => {
    const task = tasks.get(taskId) ?? add(taskId, tenant)
    const sums = sumsOf(tenant)
    sums.cost += cost - task.cost
    sums.mean += (cost - sums.mean) * MEAN_SHARE
    leave(taskId, task)
    task.cost = cost
    task.nodeId = nodeId
    task.sinceMs = monotonicMs()
    const known = nodes.get(nodeId)
    const held = known ?? {
      tasks: createCompactingMap<string, InFlight>(),
      heardAtMs: monotonicMs(),
      incarnation: 0,
    }
    if (known === undefined) nodes.set(nodeId, held)
    held.tasks.set(taskId, task)
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
    const places = placesOf(tenant, concurrency, others.countOf(tenant), balancers())
    // The work that the other load balancers have in flight stands on both sides.
    return { ...base, concurrency: places + elsewhere }
  }

  const clear = (nodeId: string): void => {
    for (const taskId of nodes.get(nodeId)?.tasks.keys() ?? []) remove(taskId)
  }

  const sweepSilent = (): void => {
    const before = monotonicMs() - NODE_SILENT_MS
    for (const [nodeId, { heardAtMs }] of nodes) if (heardAtMs < before) clear(nodeId)
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
      add(taskId, tenant)
    },
    counting(notes) {
      return {
        ...notes,
        dispatched(item, nodeId) {
          const { taskId, tenant, cost = COST_UNKNOWN } = item.pointer
          place(taskId, tenant, cost, nodeId)
          notes.dispatched(item, nodeId)
        },
        ended(taskIds, nodeId) {
          for (const taskId of taskIds) if (tasks.get(taskId)?.nodeId === nodeId) remove(taskId)
          notes.ended(taskIds, nodeId)
        },
        returned(taskIds) {
          for (const taskId of taskIds) {
            const task = tasks.get(taskId)
            if (task === undefined) continue
            leave(taskId, task)
            task.nodeId = undefined
            task.sinceMs = monotonicMs()
          }
          notes.returned(taskIds)
        },
        nodeGone(nodeId) {
          clear(nodeId)
          notes.nodeGone(nodeId)
        },
      }
    },
    heartbeat({ nodeId, incarnation, active, queued }) {
      const held = nodes.get(nodeId)
      if (held === undefined) return
      held.heardAtMs = monotonicMs()
      held.incarnation = incarnation
      if (held.tasks.size <= active + queued) return
      const before = monotonicMs() - HEARTBEAT_BEHIND_MS
      const old = [...held.tasks].filter(([, { sinceMs }]) => sinceMs < before)
      for (const [taskId] of old.slice(0, Math.max(0, old.length - active - queued))) remove(taskId)
    },
    released: remove,
    died(nodeId, incarnation) {
      if ((nodes.get(nodeId)?.incarnation ?? Infinity) <= incarnation) clear(nodeId)
    },
    asking() {
      others.asking(new Map([...tenants].map(([tenant, { count }]) => [tenant, count])))
    },
    runs(node) {
      const own = new Map<string, number>()
      for (const { tenant } of nodes.get(node.nodeId)?.tasks.values() ?? []) {
        own.set(tenant, (own.get(tenant) ?? 0) + 1)
      }
      others.runs(node, own)
    },
    tally(inFlight) {
      sweepHand()
      sweepSilent()
      const elsewhere = others.tally(inFlight, (tenant) => tenants.get(tenant)?.count ?? 0)
      for (const [tenant, sums] of tenants) {
        sums.elsewhere = elsewhere.get(tenant) ?? 0
        if (sums.count === 0 && sums.elsewhere === 0) tenants.delete(tenant)
      }
      for (const [tenant, count] of elsewhere) if (count > 0) sumsOf(tenant).elsewhere = count
    },
    admit(items, waits = () => false) {
      const within: Fresh[] = []
      const beyond: Fresh[] = []
      for (const item of items) {
        const { taskId, tenant } = item.pointer
        if (waits(tenant) || roomOf(standing(tenant)) < 1) {
          beyond.push(item)
          continue
        }
        remove(taskId)
        add(taskId, tenant)
        within.push(item)
      }
      return { within, beyond }
    },
    several: () => several,
    full() {
      const names: string[] = []
      for (const tenant of tenants.keys()) {
        if (names.length < FULL_MAX && roomOf(standing(tenant)) < 1) names.push(tenant)
      }
      return names
    },
  }
}
