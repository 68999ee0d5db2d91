import { ack, type Bus, type PulledMessage } from '@agentfleet/adapters'
import { selectNode, type Level, type NodeLoad, type PlacementLimits } from '@agentfleet/domain'
import {
  dispatchReplySchema,
  pointerSchema,
  RENEW_INTERVAL_MS,
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
 * Places fetched pointers on nodes and hands them over, one request per node and busy moment.
 *
 * A pointer is held (no node has room, or the chosen one refused), in transit (handed over, no
 * answer yet) or gone (the node answers for it, or its lease will). Invariants: a pointer is in
 * transit to at most one node; one that "nobody listens" or a refusal brought back has not run and
 * is placed again at once; one whose request got no answer is left to its lease (L6).
 */
export interface Placer {
  add(message: PulledMessage, priority: Level): void
  /** Held pointers, which have a claim on the next credits. */
  held(): number
  /** Tries to place what is held. */
  place(): void
  drain(deadlineMs: number): Promise<void>
}

/** What a placer works with. */
export interface PlacerDeps {
  readonly bus: Bus
  readonly notes: InflightNotes
  readonly nodes: NodeTable
  readonly limits: () => PlacementLimits
  readonly claimKey: string
  readonly balancerId: string
  readonly logger: Logger
  readonly metrics: BalancerMetrics
  readonly monotonicMs: () => number
  readonly random: () => number
}

interface Held {
  readonly pointer: Pointer
  readonly ackSubject: string
  readonly careful: boolean
  heldSinceMs: number
}

/** A living node answers within milliseconds; behind this it is up to the lease. */
const DISPATCH_WITHIN_MS = 2_000
/** Tasks in one dispatch: a few hundred small specs stay far below the largest message. */
const DISPATCH_MAX = 200

/** Creates a placer that holds nothing. */
export function createPlacer(deps: PlacerDeps): Placer {
  const { bus, nodes, notes, metrics, logger, monotonicMs } = deps
  let held: Held[] = []
  let scheduled = false
  let inTransit = 0
  const highest: Record<Level, number> = { low: 0, medium: 0, high: 0 }

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    // Everything that one read of the socket brought is placed together.
    setImmediate(() => {
      scheduled = false
      place()
    })
  }

  const place = (): void => {
    if (held.length === 0) return
    const loads = [...nodes.loads()]
    const limits = deps.limits()
    const chosen = new Map<string, Held[]>()
    const stay: Held[] = []
    const decisions = new Map<string, number>()
    for (const item of held) {
      const decision = selectNode(loads, item.pointer, limits, deps.random)
      decisions.set(decision.reason, (decisions.get(decision.reason) ?? 0) + 1)
      if (decision.kind === 'hold') {
        stay.push(item)
        continue
      }
      const at = loads.findIndex((load) => load.id === decision.nodeId)
      loads[at] = withOneMore(loads[at]!)
      const batch = chosen.get(decision.nodeId)
      if (batch === undefined) chosen.set(decision.nodeId, [item])
      else batch.push(item)
    }
    held = stay
    for (const [reason, count] of decisions) metrics.placements.inc({ reason }, count)
    for (const [nodeId, items] of chosen) {
      for (let start = 0; start < items.length; start += DISPATCH_MAX) {
        void dispatch(nodeId, items.slice(start, start + DISPATCH_MAX))
      }
    }
  }

  const dispatch = async (nodeId: string, items: readonly Held[]): Promise<void> => {
    nodes.transit(nodeId, items.length)
    inTransit += items.length
    for (const { pointer, ackSubject } of items) {
      notes.dispatched(pointer.taskId, nodeId, ackSubject)
    }
    const request = { balancer: deps.balancerId, items: items.map((item) => wire(nodeId, item)) }
    const answer = await bus.request(
      SUBJECTS.dispatch(nodeId),
      JSON.stringify(request),
      DISPATCH_WITHIN_MS,
    )
    nodes.transit(nodeId, -items.length)
    inTransit -= items.length
    metrics.dispatches.inc({ outcome: answer.kind })
    if (answer.kind === 'timeout') {
      logger.warn({ nodeId, tasks: items.length }, 'no answer to a dispatch, left to the leases')
      return
    }
    let accepted = 0
    if (answer.kind === 'reply') {
      const reply = dispatchReplySchema.parse(JSON.parse(answer.text))
      nodes.beat(reply.beat)
      accepted = reply.accepted
    } else {
      nodes.unreachable(nodeId)
    }
    const back = items.slice(accepted)
    notes.ended(back.map(({ pointer }) => pointer.taskId))
    if (answer.kind === 'no-responders') notes.nodeGone(nodeId)
    if (back.length === 0) return
    held.push(...back)
    schedule()
  }

  const wire = (nodeId: string, { pointer, ackSubject, careful }: Held): DispatchItem => ({
    taskId: pointer.taskId,
    tenant: pointer.tenant,
    seq: pointer.seq,
    deadlineAtMs: pointer.deadlineAtMs,
    careful,
    ackSubject,
    claim: signClaim(deps.claimKey, pointer.taskId, nodeId),
    ...(pointer.spec === undefined || careful ? {} : { spec: pointer.spec }),
  })

  const renewer = setInterval(() => {
    const now = monotonicMs()
    for (const item of held) {
      if (now - item.heldSinceMs < RENEW_INTERVAL_MS) continue
      item.heldSinceMs = now
      ack.renew(bus, item.ackSubject)
    }
  }, RENEW_INTERVAL_MS / 4)

  return {
    held: () => held.length,
    place: () => {
      if (held.length > 0) schedule()
    },
    add(message, priority) {
      const parsed = pointerSchema.safeParse(JSON.parse(message.text))
      if (!parsed.success) {
        // Only a writer with rights on TASKS could have put it there; nobody can run it.
        logger.error({ subject: message.subject, err: parsed.error }, 'pointer not understood')
        ack.done(bus, message.ackSubject)
        return
      }
      const pointer = parsed.data
      const fresh = message.deliveries === 1 && message.streamSeq > highest[priority]
      highest[priority] = Math.max(highest[priority], message.streamSeq)
      const careful = pointer.reissue || !fresh || pointer.spec === undefined
      const { ackSubject } = message
      held.push({ pointer, ackSubject, careful, heldSinceMs: monotonicMs() })
      metrics.fetched.inc({ way: careful ? 'careful' : 'fresh' })
      schedule()
    },
    async drain(deadlineMs) {
      clearInterval(renewer)
      const deadline = monotonicMs() + deadlineMs
      while (inTransit > 0 && monotonicMs() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      // Another load balancer, or this one's successor, places them.
      for (const item of held) ack.giveBack(bus, item.ackSubject)
      held = []
    },
  }
}

function withOneMore(load: NodeLoad): NodeLoad {
  return { ...load, inTransit: load.inTransit + 1 }
}
