import { COST_UNKNOWN, createCompactingMap, type CompactingMap } from '@agentfleet/domain'
import type { Heartbeat } from '@agentfleet/protocol'

interface InFlight {
  readonly tenant: string
  cost: number
  /** Undefined while the task is in hand. */
  nodeId: string | undefined
  sinceMs: number
}

/** What a tenant has in flight. */
interface Sums {
  count: number
  /** The tasks among them that this load balancer gave to a node. */
  placed: number
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
export const NODE_SILENT_MS = 10_000
/** A task that was fetched and never came to a node was none, milliseconds. */
const IN_HAND_MAX_MS = 120_000
const NONE: readonly string[] = []
/** Of a tenant without tasks. */
export const NO_SUMS: Readonly<Sums> = {
  count: 0,
  placed: 0,
  cost: 0,
  mean: COST_UNKNOWN,
  elsewhere: 0,
}

/** The tasks that this load balancer has in flight. */
export type InFlightTasks = ReturnType<typeof createInFlight>

/** Creates an empty collection. */
export function createInFlight(monotonicMs: () => number) {
  const tasks = createCompactingMap<string, InFlight>()
  const nodes = createNodeTasks(monotonicMs)
  const tenants = createTenantSums()
  const sumsOf = tenants.of

  const remove = (taskId: string): void => {
    const task = tasks.get(taskId)
    if (task === undefined) return
    tasks.delete(taskId)
    nodes.leave(taskId, task)
    const sums = sumsOf(task.tenant)
    sums.count -= 1
    if (task.nodeId !== undefined) sums.placed -= 1
    sums.cost -= task.cost
    if (sums.count === 0 && sums.elsewhere === 0) tenants.sums.delete(task.tenant)
  }

  const add = (taskId: string, tenant: string): InFlight => {
    const sums = sumsOf(tenant)
    const task = { tenant, cost: sums.mean, nodeId: undefined, sinceMs: monotonicMs() }
    tasks.set(taskId, task)
    sums.count += 1
    sums.cost += task.cost
    return task
  }

  const clear = (nodeId: string): void => {
    for (const taskId of nodes.of(nodeId)?.tasks.keys() ?? []) remove(taskId)
  }

  return {
    /** The sums of all tenants that have tasks in flight. */
    tenants: tenants.sums,
    /** Returns the sums of a tenant, which it creates if necessary. */
    sumsOf,
    several: tenants.several,
    /** Counts a task that is in hand. */
    add,
    has: (taskId: string) => tasks.has(taskId),
    remove,
    /** Counts a task on a node, with its cost. */
    place(taskId: string, tenant: string, cost: number, nodeId: string): void {
      const task = tasks.get(taskId) ?? add(taskId, tenant)
      const sums = sumsOf(tenant)
      sums.cost += cost - task.cost
      sums.mean += (cost - sums.mean) * MEAN_SHARE
      if (task.nodeId === undefined) sums.placed += 1
      nodes.leave(taskId, task)
      task.cost = cost
      task.sinceMs = monotonicMs()
      nodes.enter(taskId, task, nodeId)
    },
    ended(taskId: string, nodeId: string): void {
      if (tasks.get(taskId)?.nodeId === nodeId) remove(taskId)
    },
    /** Counts a task as in hand that its node did not take or no longer has. */
    returned(taskId: string): void {
      const task = tasks.get(taskId)
      if (task?.nodeId === undefined) return
      nodes.leave(taskId, task)
      sumsOf(task.tenant).placed -= 1
      task.nodeId = undefined
      task.sinceMs = monotonicMs()
    },
    /** Uncounts the tasks of a node. */
    clear,
    /** Uncounts the tasks that a node no longer has. */
    heartbeat(heartbeat: Heartbeat): void {
      for (const taskId of nodes.lost(heartbeat)) remove(taskId)
    },
    died(nodeId: string, incarnation: number): void {
      if ((nodes.of(nodeId)?.incarnation ?? Infinity) <= incarnation) clear(nodeId)
    },
    /** Returns the tasks of each tenant on a node. */
    onNode: nodes.byTenant,
    /** Uncounts tasks of silent nodes, and tasks that have been in hand for too long. */
    sweep(): void {
      for (const taskId of inHandSince(tasks, monotonicMs() - IN_HAND_MAX_MS)) remove(taskId)
      for (const nodeId of nodes.silent()) clear(nodeId)
    },
  }
}

/** Returns the tasks in hand that came at this time or earlier. */
function inHandSince(tasks: Iterable<[string, InFlight]>, atMs: number): string[] {
  const found: string[] = []
  for (const [taskId, { nodeId, sinceMs }] of tasks) {
    // The oldest tasks come first.
    if (sinceMs > atMs) break
    if (nodeId === undefined) found.push(taskId)
  }
  return found
}

/** Creates the sums of the tenants, at first none. */
function createTenantSums() {
  const sums = new Map<string, Sums>()
  let firstTenant: string | undefined
  let several = false
  return {
    sums,
    several: () => several,
    of(tenant: string): Sums {
      const known = sums.get(tenant)
      if (known !== undefined) return known
      const made = { ...NO_SUMS }
      sums.set(tenant, made)
      firstTenant ??= tenant
      several ||= tenant !== firstTenant
      return made
    },
  }
}

/** Creates the tasks of this load balancer by their node. */
function createNodeTasks(monotonicMs: () => number) {
  const nodes = new Map<string, OnNode>()
  return {
    of: (nodeId: string) => nodes.get(nodeId),
    enter(taskId: string, task: InFlight, nodeId: string): void {
      task.nodeId = nodeId
      const known = nodes.get(nodeId)
      const held = known ?? {
        tasks: createCompactingMap<string, InFlight>(),
        heardAtMs: monotonicMs(),
        incarnation: 0,
      }
      if (known === undefined) nodes.set(nodeId, held)
      held.tasks.set(taskId, task)
    },
    leave(taskId: string, { nodeId }: InFlight): void {
      if (nodeId === undefined) return
      const held = nodes.get(nodeId)
      held?.tasks.delete(taskId)
      if (held?.tasks.size === 0) nodes.delete(nodeId)
    },
    /** Returns the oldest tasks by which more are counted than the node has. */
    lost({ nodeId, incarnation, active, queued }: Heartbeat): readonly string[] {
      const held = nodes.get(nodeId)
      if (held === undefined) return NONE
      held.heardAtMs = monotonicMs()
      held.incarnation = incarnation
      if (held.tasks.size <= active + queued) return NONE
      const before = monotonicMs() - HEARTBEAT_BEHIND_MS
      const old = [...held.tasks].filter(([, { sinceMs }]) => sinceMs < before)
      const surplus = Math.max(0, old.length - active - queued)
      return old.slice(0, surplus).map(([taskId]) => taskId)
    },
    byTenant(nodeId: string): Map<string, number> {
      const own = new Map<string, number>()
      for (const { tenant } of nodes.get(nodeId)?.tasks.values() ?? []) {
        own.set(tenant, (own.get(tenant) ?? 0) + 1)
      }
      return own
    },
    *silent(): Iterable<string> {
      const before = monotonicMs() - NODE_SILENT_MS
      for (const [nodeId, { heardAtMs }] of nodes) if (heardAtMs < before) yield nodeId
    },
  }
}
