import { ack, type Pointers, type PulledMessage } from '@agentfleet/adapters'
import { selectNode, type Level, type PlacementLimits } from '@agentfleet/domain'
import {
  pointerSchema,
  RENEW_INTERVAL_MS,
  type Fresh,
  type PointerQueue,
} from '@agentfleet/protocol'
import { createDispatcher, type DispatcherDeps, type Held } from './dispatcher.ts'
import type { KnownLoad } from './node-table.ts'

/**
 * Places fetched pointers, and fresh tasks without one, on nodes.
 *
 * A task is held (no node has room, or the chosen one refused) or with the dispatcher. Invariants:
 * what the dispatcher brings back has not run and is placed again at once; held pointers are renewed;
 * a task without a pointer that cannot be placed at once gets one and is let go.
 */
export interface Placer {
  add(message: PulledMessage, queue: PointerQueue): void
  /** Takes tasks that were handed over; what is above `room` gets a pointer instead. */
  addFresh(items: Fresh['items'], room: number): void
  /** Held pointers, which have a claim on the next credits. */
  held(): number
  /** Of these, those that found no node when they were last tried. */
  stuck(): number
  /** Tries to place what is held. */
  place(): void
  drain(deadlineMs: number): Promise<void>
}

/** What a placer works with. */
export interface PlacerDeps extends DispatcherDeps {
  readonly pointers: Pick<Pointers, 'issue'>
  readonly limits: () => PlacementLimits
  readonly random: () => number
}

/** Creates a placer that holds nothing. */
export function createPlacer(deps: PlacerDeps): Placer {
  const { bus, nodes, metrics, logger, monotonicMs } = deps
  let held: Held[] = []
  let stuck = 0
  let scheduled = false
  const highest = new Map<string, number>()

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
    stuck = 0
    if (held.length === 0) return
    const loads = [...nodes.loads()]
    const limits = deps.limits()
    const chosen = new Map<string, Held[]>()
    const stay: Held[] = []
    const decisions = new Map<string, number>()
    const assign = (nodeId: string, item: Held): void => {
      const batch = chosen.get(nodeId)
      if (batch === undefined) chosen.set(nodeId, [item])
      else batch.push(item)
    }
    for (const item of held) {
      const { runsAt } = item
      if (runsAt !== undefined && loads.some(({ id, gone }) => id === runsAt && !gone)) {
        // It holds its slot there already.
        assign(runsAt, item)
        continue
      }
      const decision = selectNode(loads, item.pointer, limits, deps.random)
      decisions.set(decision.reason, (decisions.get(decision.reason) ?? 0) + 1)
      if (decision.kind === 'hold') {
        if (item.ackSubject === undefined) deps.pointers.issue(item.pointer, item.priority)
        else stay.push(item)
        continue
      }
      item.runsAt = undefined
      const at = loads.findIndex((load) => load.id === decision.nodeId)
      loads[at] = withOneMore(loads[at]!)
      assign(decision.nodeId, item)
    }
    held = stay
    stuck = stay.length
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
    stuck: () => stuck,
    place: () => {
      if (held.length > 0) schedule()
    },
    addFresh(items, room) {
      let left = room
      for (const { pointer, priority } of items) {
        if (left-- > 0) held.push(heldFresh(pointer, priority, monotonicMs()))
        else deps.pointers.issue(pointer, priority)
      }
      metrics.fetched.inc({ way: 'handed-over' }, items.length)
      schedule()
    },
    add(message, queue) {
      const parsed = pointerSchema.safeParse(JSON.parse(message.text))
      if (!parsed.success) {
        // Only a writer with rights on TASKS could have put it there; nobody can run it.
        logger.error({ subject: message.subject, err: parsed.error }, 'pointer not understood')
        ack.done(bus, message.ackSubject)
        return
      }
      const pointer = parsed.data
      // Sequences ascend within one consumer: that of a tenant's queue, or that of running tasks.
      const consumer = queue === 'running' ? queue : `${queue}.${pointer.tenant}`
      const seen = highest.get(consumer) ?? 0
      const fresh = message.deliveries === 1 && message.streamSeq > seen
      highest.set(consumer, Math.max(seen, message.streamSeq))
      const careful = pointer.reissue || !fresh || pointer.spec === undefined
      held.push({
        pointer,
        priority: queue === 'running' ? 'medium' : queue,
        ackSubject: message.ackSubject,
        careful,
        // Delivered again, it was given back: its run is not there any more.
        runsAt: fresh ? pointer.node : undefined,
        heldSinceMs: monotonicMs(),
      })
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
      for (const item of held) {
        if (item.ackSubject === undefined) deps.pointers.issue(item.pointer, item.priority)
        else ack.giveBack(bus, item.ackSubject)
      }
      held = []
    },
  }
}

function heldFresh(pointer: Held['pointer'], priority: Level, heldSinceMs: number): Held {
  return {
    pointer,
    priority,
    ackSubject: undefined,
    careful: false,
    runsAt: undefined,
    heldSinceMs,
  }
}

function withOneMore(load: KnownLoad): KnownLoad {
  return { ...load, inTransit: load.inTransit + 1 }
}
