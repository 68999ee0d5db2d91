/** What a node knows when a task is handed to it. */
export interface NodeRoom {
  readonly slots: number
  /** Attempts that hold a slot. */
  readonly active: number
  readonly draining: boolean
  /** Token of the attempt of this very task that already runs here; undefined when none does. */
  readonly runningToken?: number | undefined
}

/** What a node does with one dispatched task. */
export type AcceptDecision =
  | { readonly kind: 'start'; readonly reason: 'free-slot' | 'newer-token' }
  | { readonly kind: 'keep'; readonly reason: 'already-runs' }
  | { readonly kind: 'refuse'; readonly reason: 'draining' | 'no-slot' }

/** Takes a task while a slot is free, and never starts one a second time beside itself. */
export function acceptAttempt(room: NodeRoom, token: number): AcceptDecision {
  if (room.runningToken !== undefined && room.runningToken >= token) {
    return { kind: 'keep', reason: 'already-runs' }
  }
  if (room.draining) return { kind: 'refuse', reason: 'draining' }
  // It takes the place of its older self.
  if (room.runningToken !== undefined) return { kind: 'start', reason: 'newer-token' }
  if (room.active >= room.slots) return { kind: 'refuse', reason: 'no-slot' }
  return { kind: 'start', reason: 'free-slot' }
}
