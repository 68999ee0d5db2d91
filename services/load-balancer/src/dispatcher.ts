import type { Bus } from '@agentfleet/adapters'
import type { Level } from '@agentfleet/domain'
import {
  dispatchReplySchema,
  signClaim,
  SUBJECTS,
  type DispatchItem,
  type Pointer,
} from '@agentfleet/protocol'
import type { Logger } from '@agentfleet/runtime'
import type { InflightNotes } from './inflight-notes.ts'
import type { BalancerMetrics } from './metrics.ts'
import type { NodeTable } from './node-table.ts'

/**
 * Hands placed pointers over to their nodes.
 *
 * One request per node is under way; what is assigned meanwhile goes out together when it has
 * answered, so a busy moment makes large requests and an idle one waits for nothing. Invariants: a
 * task is in transit to at most one node; "nobody listens", a refusal, or a node that did not
 * answer the request before bring back what has not run; a request without an answer is left to the
 * leases of its pointers (L6), or to the notes, which make a pointer for what has none.
 */
export interface Dispatcher {
  assign(nodeId: string, items: readonly Held[]): void
  /** Tasks assigned and not answered for. */
  inTransit(): number
}

/** A task in hand: a fetched pointer, or one handed over that has none yet. */
export interface Held {
  readonly pointer: Pointer
  /** Queue that a pointer would stand in; needed while there is none. */
  readonly priority: Level
  readonly ackSubject: string | undefined
  /** Only the careful way may run it (L3). */
  readonly careful: boolean
  /** The node that runs it already and is to take on the pointer; cleared when it will not. */
  runsAt: string | undefined
  heldSinceMs: number
}

/** What a dispatcher works with. */
export interface DispatcherDeps {
  readonly bus: Bus
  readonly nodes: NodeTable
  readonly notes: InflightNotes
  readonly claimKey: string
  readonly balancerId: string
  readonly logger: Logger
  readonly metrics: BalancerMetrics
  readonly monotonicMs: () => number
}

/** A living node answers within milliseconds; behind this it is up to the lease. */
const DISPATCH_WITHIN_MS = 2_000
/** Tasks in one dispatch: a few hundred small specs stay far below the largest message. */
const DISPATCH_MAX = 200

/** Creates a dispatcher; `back` gets what has to be placed anew. */
export function createDispatcher(
  deps: DispatcherDeps,
  back: (items: readonly Held[]) => void,
): Dispatcher {
  const { bus, nodes, notes, metrics, logger } = deps
  const queues = new Map<string, Held[]>()
  let inTransit = 0

  const leave = (nodeId: string, count: number): void => {
    nodes.transit(nodeId, -count)
    inTransit -= count
  }

  const giveBack = (nodeId: string, items: readonly Held[]): void => {
    if (items.length === 0) return
    notes.ended(items.map(({ pointer }) => pointer.taskId))
    leave(nodeId, items.length)
    back(items)
  }

  const work = async (nodeId: string, queue: Held[]): Promise<void> => {
    while (queue.length > 0) {
      const items = queue.splice(0, DISPATCH_MAX)
      const data = { balancer: deps.balancerId, items: items.map((item) => wire(nodeId, item)) }
      const subject = SUBJECTS.dispatch(nodeId)
      const answer = await bus.request(subject, JSON.stringify(data), DISPATCH_WITHIN_MS)
      metrics.dispatches.inc({ outcome: answer.kind })
      if (answer.kind === 'reply') {
        const reply = dispatchReplySchema.parse(JSON.parse(answer.text))
        leave(nodeId, reply.accepted)
        nodes.beat(reply.beat)
        const refused = items.slice(reply.accepted)
        // The first one was refused: it does not run there any more. Those behind it may.
        if (refused[0] !== undefined) refused[0].runsAt = undefined
        giveBack(nodeId, refused)
        continue
      }
      nodes.unreachable(nodeId)
      if (answer.kind === 'timeout') {
        logger.warn({ nodeId, tasks: items.length }, 'no answer to a dispatch, left to the leases')
        leave(nodeId, items.length)
      } else {
        for (const item of items) item.runsAt = undefined
        giveBack(nodeId, items)
        notes.nodeGone(nodeId)
      }
      giveBack(nodeId, queue.splice(0))
    }
    queues.delete(nodeId)
  }

  const wire = (nodeId: string, { pointer, ackSubject, careful }: Held): DispatchItem => ({
    taskId: pointer.taskId,
    tenant: pointer.tenant,
    seq: pointer.seq,
    deadlineAtMs: pointer.deadlineAtMs,
    careful,
    ...(ackSubject === undefined ? {} : { ackSubject }),
    claim: signClaim(deps.claimKey, pointer.taskId, nodeId),
    ...(pointer.spec === undefined || careful ? {} : { spec: pointer.spec }),
  })

  return {
    inTransit: () => inTransit,
    assign(nodeId, items) {
      nodes.transit(nodeId, items.length)
      inTransit += items.length
      for (const item of items) notes.dispatched(item, nodeId)
      const queue = queues.get(nodeId)
      if (queue !== undefined) {
        queue.push(...items)
        return
      }
      const fresh = [...items]
      queues.set(nodeId, fresh)
      work(nodeId, fresh).catch((error: unknown) => {
        // Only an unreadable answer comes here; the leases bring its tasks back.
        logger.error({ err: error, nodeId }, 'a dispatch broke off')
        queues.delete(nodeId)
        leave(nodeId, inTransit === 0 ? 0 : fresh.length)
      })
    },
  }
}
