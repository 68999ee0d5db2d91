import { ack, type PulledMessage } from '@agentfleet/adapters'
import { selectNode, type Level, type NodeLoad, type PlacementLimits } from '@agentfleet/domain'
import { pointerSchema, RENEW_INTERVAL_MS } from '@agentfleet/protocol'
import { createDispatcher, type DispatcherDeps, type Held } from './dispatcher.ts'

/**
 * Places fetched pointers on nodes.
 *
 * A pointer is held (no node has room, or the chosen one refused) or with the dispatcher. Invariant:
 * what the dispatcher brings back has not run and is placed again at once; held pointers are renewed.
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
export interface PlacerDeps extends DispatcherDeps {
  readonly limits: () => PlacementLimits
  readonly random: () => number
}

/** Creates a placer that holds nothing. */
export function createPlacer(deps: PlacerDeps): Placer {
  const { bus, nodes, metrics, logger, monotonicMs } = deps
  let held: Held[] = []
  let scheduled = false
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
    for (const [nodeId, items] of chosen) dispatcher.assign(nodeId, items)
  }
  const dispatcher = createDispatcher(deps, (back) => {
    held.push(...back)
    schedule()
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
      while (dispatcher.inTransit() > 0 && monotonicMs() < deadline) {
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
