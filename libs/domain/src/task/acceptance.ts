/** A node's knowledge when it receives a task. */
interface NodeRoom {
  readonly slots: number
  /** Attempts that hold a slot. */
  readonly active: number
  readonly draining: boolean
  /** Token of this task's attempt that already runs here; undefined when none does. */
  readonly runningToken?: number | undefined
}

type AcceptDecision =
  | { readonly kind: 'start'; readonly reason: 'free-slot' | 'newer-token' }
  | { readonly kind: 'keep'; readonly reason: 'already-runs' }
  | { readonly kind: 'refuse'; readonly reason: 'draining' | 'no-slot' }

/** Accepts a task while a slot is free, and never runs one task twice at the same time. */
export function acceptAttempt(room: NodeRoom, token: number): AcceptDecision {
  if (room.runningToken !== undefined && room.runningToken >= token) {
    return { kind: 'keep', reason: 'already-runs' }
  }
  if (room.draining) return { kind: 'refuse', reason: 'draining' }
  // The new attempt replaces the older one.
  if (room.runningToken !== undefined) return { kind: 'start', reason: 'newer-token' }
  if (room.active >= room.slots) return { kind: 'refuse', reason: 'no-slot' }
  return { kind: 'start', reason: 'free-slot' }
}
