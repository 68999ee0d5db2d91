import type { Bus } from '@agentfleet/adapters'
import type { Timing } from '@agentfleet/domain'
import {
  CHANNELS,
  DISPATCH_WITHIN_MS,
  signClaim,
  type Dispatch,
  type DispatchItem,
  type DispatchReply,
  type Heartbeat,
} from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import { isOverdue } from '../intake/held.ts'
import type { Held } from './in-hand.ts'
import type { InflightNotes } from './inflight-notes.ts'
import type { BalancerMetrics } from '../metrics.ts'
import type { NodeTable } from '../nodes/node-table.ts'

/** Dependencies of the dispatcher. */
export interface DispatcherDeps {
  readonly bus: Bus
  readonly nodes: NodeTable
  readonly notes: InflightNotes
  readonly claimKey: string
  readonly balancerId: string
  /** When this process started. */
  readonly since: number
  readonly log: Logger
  readonly metrics: BalancerMetrics
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  readonly timing: Pick<Timing, 'followAfterMs'>
}

/** Tasks in one dispatch: a few hundred small specs stay far below the largest message. */
const DISPATCH_MAX = 200
const NONE: readonly string[] = []
const NO_ITEMS: readonly Held[] = []

/**
 * Dispatches placed tasks to their nodes; `back` receives tasks that must be placed again.
 *
 * Each node has one open request; tasks assigned meanwhile leave together after its answer, so a
 * busy moment makes large requests and an idle one waits for nothing. Invariants: a task is in
 * transit to at most one node; after a no-responders reply or a refusal, tasks that have not run
 * are placed again; a request without an answer is left to the leases of its pointers (L6), or to
 * the notes, which issue a pointer for a task without a pointer; such a task is given back if a coordinator may have
 * issued its pointer while it waited for its turn.
 */
export function createDispatcher(deps: DispatcherDeps, back: (items: readonly Held[]) => void) {
  const { bus, metrics, log } = deps
  const queues = new Map<string, Held[]>()
  const transit = createTransit(deps, back)

  const work = async (nodeId: string, queue: Held[]): Promise<void> => {
    while (queue.length > 0) {
      const items = queue.splice(0, DISPATCH_MAX)
      transit.giveBack(nodeId, takeOverdue(items, deps))
      if (items.length === 0) continue
      const [message] = bus.pack(CHANNELS.dispatch, dispatchOf(deps, nodeId, items))
      if (message === undefined) break
      // Tasks that do not fit one message leave with the next.
      queue.unshift(...items.splice(message.count))
      const answer = await bus.ask(CHANNELS.dispatch, message, DISPATCH_WITHIN_MS, { nodeId })
      metrics.dispatches.inc({ outcome: answer.kind })
      if (answer.kind === 'reply') {
        transit.settle(nodeId, items, answer.body)
        continue
      }
      if (answer.kind === 'too-large') {
        // A single task exceeds the message; its pointer or its note keeps it.
        transit.leave(nodeId, items)
        continue
      }
      // Tasks that have not left need no pointer, so they go back before the notes of a node without a listener are written.
      transit.giveBack(nodeId, queue.splice(0))
      if (answer.kind !== 'no-responders') {
        transit.unanswered(nodeId, items)
      } else {
        transit.unreached(nodeId, items)
      }
    }
    queues.delete(nodeId)
  }

  return {
    /** Returns the number of tasks that are assigned and unanswered. */
    inTransit: transit.size,
    left: transit.left,
    assign(nodeId: string, items: readonly Held[]): void {
      transit.enter(nodeId, items)
      const queue = queues.get(nodeId)
      if (queue !== undefined) {
        queue.push(...items)
        return
      }
      const fresh = [...items]
      queues.set(nodeId, fresh)
      work(nodeId, fresh).catch((error: unknown) => {
        // Requests never reject, so this is a defect. Tasks that have not left are placed again;
        // the leases return the rest.
        log.error(
          { err: error, nodeId },
          'A request that hands tasks to a node failed with an unexpected error',
        )
        queues.delete(nodeId)
        transit.giveBack(nodeId, fresh.splice(0))
      })
    },
  }
}

/** Removes the tasks without a pointer whose pointer a coordinator may have issued by now, and returns them. */
function takeOverdue(items: Held[], { nowMs, timing }: DispatcherDeps): readonly Held[] {
  const atMs = nowMs()
  const isLate = ({ ackSubject, pointer }: Held): boolean =>
    ackSubject === undefined && isOverdue(pointer, atMs, timing)
  if (!items.some(isLate)) return NO_ITEMS
  const late = items.filter(isLate)
  items.splice(0, items.length, ...items.filter((item) => !isLate(item)))
  return late
}

/** Creates the tasks on their way to nodes; `back` receives tasks that must be placed again. */
function createTransit(
  { bus, nodes, notes, log }: DispatcherDeps,
  back: (items: readonly Held[]) => void,
) {
  let inTransit = 0
  const starts = createFencedStarts()

  const leave = (nodeId: string, items: readonly Held[]): void => {
    nodes.transit(nodeId, items, -1)
    inTransit -= items.length
    starts.remove(items)
  }

  const giveBack = (nodeId: string, items: readonly Held[]): void => {
    if (items.length === 0) return
    notes.returned(items.map(({ pointer }) => pointer.taskId))
    leave(nodeId, items)
    // Recovery may have read the note of this node and given the pointer back, so that it runs elsewhere.
    for (const item of items) item.fenced = true
    back(items)
  }

  const settle = (nodeId: string, items: readonly Held[], reply: DispatchReply): void => {
    const accepted = items.slice(0, reply.accepted)
    const over = starts.over(accepted, reply.heartbeat.version)
    // Tasks that the node could not parse are left to the leases, like a dispatch without an answer.
    leave(nodeId, accepted)
    if (over.length > 0) notes.ended(over, nodeId)
    // The load balancer ignores what a node says about another node.
    if (reply.heartbeat.nodeId === nodeId) nodes.heartbeat(reply.heartbeat)
    const refused = items.slice(reply.accepted)
    // The node refused the first task, so its run is no longer there. The runs of the others may be.
    if (refused[0] !== undefined) refused[0].runsAt = undefined
    giveBack(nodeId, refused)
    const { active, slots, draining } = reply.heartbeat
    // Without a pause the node would refuse again as fast as the bus can carry it.
    if (refused.length > 0 && active < slots && !draining) nodes.balked(nodeId)
  }

  return {
    size: () => inTransit,
    left: starts.left,
    leave,
    giveBack,
    settle,
    enter(nodeId: string, items: readonly Held[]): void {
      nodes.transit(nodeId, items, 1)
      inTransit += items.length
      for (const item of items) notes.dispatched(item, nodeId)
      starts.add(nodeId, items)
    },
    /** The node has no listener, so nothing has run. */
    unreached(nodeId: string, items: readonly Held[]): void {
      nodes.unreachable(nodeId)
      for (const item of items) item.runsAt = undefined
      giveBack(nodeId, items)
      notes.nodeGone(nodeId)
    },
    /** The tasks may run, so they are left to their leases; an unreadable answer counts as no answer. */
    unanswered(nodeId: string, items: readonly Held[]): void {
      // While the bus is disconnected, no node could have answered.
      if (bus.connected()) nodes.silent(nodeId)
      else nodes.unreachable(nodeId)
      log.warn(
        { nodeId, tasks: items.length },
        'A node did not answer a dispatch; its tasks return to the queue when their leases expire',
      )
      leave(nodeId, items)
    },
  }
}

/**
 * Creates the fenced starts without an answer. The node may have run an earlier attempt of such a task. Its reports and
 * answers have versions, so a report that is older than the answer to the dispatch means the earlier attempt.
 */
function createFencedStarts() {
  /** The node of each task, and the version of the last report in which the task had left; 0: in none. */
  const tasks = new Map<string, { readonly nodeId: string; leftIn: number }>()
  return {
    add(nodeId: string, items: readonly Held[]): void {
      for (const { fenced, pointer } of items)
        if (fenced) tasks.set(pointer.taskId, { nodeId, leftIn: 0 })
    },
    remove(items: readonly Held[]): void {
      if (tasks.size === 0) return
      for (const { pointer } of items) tasks.delete(pointer.taskId)
    },
    /**
     * Returns the tasks that this report lists as left by its node, without those that make a fenced start there and
     * have no answer yet: the report may mean an earlier attempt. The answer shows which one has left.
     */
    left(
      taskIds: readonly string[],
      { nodeId, version }: Pick<Heartbeat, 'nodeId' | 'version'>,
    ): readonly string[] {
      if (tasks.size === 0) return taskIds
      return taskIds.filter((taskId) => {
        const task = tasks.get(taskId)
        if (task?.nodeId !== nodeId) return true
        task.leftIn = version
        return false
      })
    },
    /** Returns the tasks among these that have left after an answer with this version. */
    over(items: readonly Held[], version: number): readonly string[] {
      if (tasks.size === 0) return NONE
      return items.flatMap(({ pointer: { taskId } }) =>
        (tasks.get(taskId)?.leftIn ?? 0) > version ? [taskId] : [],
      )
    },
  }
}

/** Builds the message: the reason of the first task applies to all, and tasks with another reason name it. */
function dispatchOf(deps: DispatcherDeps, nodeId: string, items: readonly Held[]): Dispatch {
  const why = items[0]?.why
  return {
    balancer: deps.balancerId,
    since: deps.since,
    // A node of an earlier release does not say its time.
    sentAtMs: deps.nodes.timeOf(nodeId) ?? deps.nowMs(),
    ...(why === undefined ? {} : { placed: { atMs: deps.nowMs(), ...why } }),
    items: items.map((item) => wire(deps.claimKey, nodeId, item, why?.reason)),
  }
}

function wire(
  claimKey: string,
  nodeId: string,
  item: Held,
  said: string | undefined,
): DispatchItem {
  const { pointer, ackSubject, fenced, why } = item
  const out: DispatchItem = {
    taskId: pointer.taskId,
    tenant: pointer.tenant,
    seq: pointer.seq,
    deadlineAtMs: pointer.deadlineAtMs,
    fenced,
    claim: signClaim(claimKey, pointer.taskId, nodeId),
  }
  if (ackSubject !== undefined) out.ackSubject = ackSubject
  if (why !== undefined && why.reason !== said) out.reason = why.reason
  if (pointer.spec !== undefined && !fenced) {
    out.spec = pointer.spec
  } else {
    out.cpu = pointer.cpu
    out.memory = pointer.memory
  }
  return out
}
