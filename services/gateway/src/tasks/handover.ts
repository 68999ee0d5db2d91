import type { Bus, Pointers } from '@agentfleet/adapters'
import type { Level } from '@agentfleet/domain'
import { CHANNELS, type Fresh, type Pointer } from '@agentfleet/protocol'

/**
 * Hands a task that was just stored to a load balancer with room, otherwise to the queue.
 *
 * A task that gets a free slot at once and ends soon needs no pointer. The load balancer issues a pointer for a
 * task that still runs after a moment and for a task that it cannot place. Invariants: a task is stored before
 * its handover (L1); a lost handover only delays the task, because the follower notices the missing pointer
 * (L6, L8); without a recent announcement of room, the gateway issues a pointer.
 */
export type Handover = ReturnType<typeof createHandover>

/** Milliseconds; three announcements may be lost. */
const ROOM_VALID_MS = 1_600
/** The most tasks in one message; one load balancer places them together. */
const BATCH_MAX = 16

/** Creates a handover that has heard of no load balancer. */
export function createHandover(deps: {
  bus: Pick<Bus, 'send' | 'on'>
  pointers: Pick<Pointers, 'issue'>
  monotonicMs: () => number
}) {
  const { bus, pointers, monotonicMs } = deps
  /** The load balancers with room, each with the tenants that have reached their limits there. */
  const balancers = new Map<string, { readonly atMs: number; readonly full: ReadonlySet<string> }>()
  let batch: Fresh[] = []

  const hints = bus.on(CHANNELS.balancer, ({ id, room, full }) => {
    // A load balancer that leaves reports no room; its list of full tenants goes too.
    if (room) balancers.set(id, { atMs: monotonicMs(), full: new Set(full) })
    else balancers.delete(id)
  })

  const hasRoom = (): boolean => {
    const since = monotonicMs() - ROOM_VALID_MS
    // A load balancer that is silent has died; what it said of tenants counts no longer.
    for (const [id, { atMs }] of balancers) if (atMs < since) balancers.delete(id)
    return balancers.size > 0
  }

  /** Whether a load balancer reported that this tenant has reached its limit of tasks in flight. */
  const isFull = (tenant: string): boolean => {
    for (const { full } of balancers.values()) if (full.has(tenant)) return true
    return false
  }

  const send = (): void => {
    if (batch.length === 0) return
    const items = batch
    batch = []
    bus.send(CHANNELS.handover, { items })
  }

  return {
    /** Hands over a new task without waiting. */
    pass(pointer: Pointer, priority: Level): void {
      // A task without its spec needs a fenced start and therefore a pointer; so does one that
      // waits for advice.
      const queued = pointer.spec === undefined || pointer.placement === 'advised'
      if (queued || !hasRoom() || isFull(pointer.tenant)) {
        pointers.issue(pointer, priority)
        return
      }
      // Tasks stored in the same turn of the event loop leave in one message.
      if (batch.push({ priority, pointer }) === 1) setImmediate(send)
      if (batch.length >= BATCH_MAX) send()
    },
    close: () => hints.close(),
  }
}
