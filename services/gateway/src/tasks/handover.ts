import type { Bus, Pointers } from '@agentfleet/adapters'
import type { Level } from '@agentfleet/domain'
import { CHANNELS, type Fresh, type Pointer } from '@agentfleet/protocol'

/**
 * Passes tasks on that were just stored: straight to a load balancer that has room, else to the queue.
 *
 * A task that finds a free slot at once, and is over soon, never needs a pointer; the load balancer makes
 * one for what still runs a moment later, and for what it cannot place. Invariants: what is handed
 * over is stored (L1); a hand-over that is lost only delays, as the follower misses the pointer (L6,
 * L8); nobody with room heard of lately: a pointer is issued.
 */
export interface Handover {
  /** Passes a fresh task on without waiting. */
  pass(pointer: Pointer, priority: Level): void
  close(): void
}

/** Three announcements may be lost, milliseconds. */
const ROOM_VALID_MS = 1_600
/** Tasks in one message: they go to one load balancer, which places them together. */
const BATCH_MAX = 16

/** Nobody has been heard of yet. */
export function createHandover(deps: {
  bus: Pick<Bus, 'send' | 'on'>
  pointers: Pick<Pointers, 'issue'>
  monotonicMs: () => number
}): Handover {
  const { bus, pointers, monotonicMs } = deps
  const roomAtMs = new Map<string, number>()
  const fullAt = new Map<string, ReadonlySet<string>>()
  let batch: Fresh[] = []

  const hints = bus.on(CHANNELS.balancer, ({ id, room, full = [] }) => {
    // A load balancer that is gone has no say: its word goes with its room.
    if (room && full.length > 0) fullAt.set(id, new Set(full))
    else fullAt.delete(id)
    if (room) roomAtMs.set(id, monotonicMs())
    else roomAtMs.delete(id)
  })

  const hasRoom = (): boolean => {
    const since = monotonicMs() - ROOM_VALID_MS
    for (const [id, atMs] of roomAtMs) {
      if (atMs >= since) return true
      roomAtMs.delete(id)
      fullAt.delete(id)
    }
    return false
  }

  /** Whether a load balancer said that this tenant has as many tasks in flight as it may. */
  const isFull = (tenant: string): boolean => {
    for (const names of fullAt.values()) if (names.has(tenant)) return true
    return false
  }

  const send = (): void => {
    if (batch.length === 0) return
    const items = batch
    batch = []
    bus.send(CHANNELS.handover, { items })
  }

  return {
    pass(pointer, priority) {
      // Without its spec it goes a fenced start, which needs a pointer; advice is waited for under one.
      const queued = pointer.spec === undefined || pointer.placement === 'advised'
      if (queued || !hasRoom() || isFull(pointer.tenant)) {
        pointers.issue(pointer, priority)
        return
      }
      // What one turn of the event loop stored goes out together.
      if (batch.push({ priority, pointer }) === 1) setImmediate(send)
      if (batch.length >= BATCH_MAX) send()
    },
    close: () => hints.close(),
  }
}
