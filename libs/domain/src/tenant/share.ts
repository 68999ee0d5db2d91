/**
 * How tenants share a store that all of them fill: the log, Redis, definitions, schedules, connections.
 *
 * A tenant may hold at most half of what the other tenants leave free. So a tenant without competition uses
 * most of the machine, and a tenant that holds nothing always finds room. Invariants:
 * - SHARE-1: the only tenant of a fleet may fill the store.
 * - SHARE-2: among several tenants, no tenant takes the last room.
 * - SHARE-3: the limit that an operator has set for a tenant holds in any case.
 */

/** The figures of one store and one tenant, in bytes or in places. */
export interface ShareAsk {
  /** Undefined: the store has no known size, so only a set limit counts. */
  readonly capacity: number | undefined
  /** Held by all tenants together. */
  readonly used: number
  /** Held by this tenant. */
  readonly own: number
  readonly ask: number
  /** Set by the operator. */
  readonly limit?: number | undefined
  /** Tenants that the fleet serves. */
  readonly tenants: number
}

/** Whether a tenant may take more; `allowed` is the most that it may hold now. */
type ShareDecision =
  | { readonly kind: 'take'; readonly reason: 'alone' | 'room' }
  | { readonly kind: 'refuse'; readonly reason: 'limit' | 'share'; readonly allowed: number }

/** Decides whether a tenant may take `ask` more of a store. */
export function decideShare(request: ShareAsk): ShareDecision {
  const { capacity = Infinity, used, own, ask, limit = Infinity, tenants } = request
  if (own + ask > limit) return { kind: 'refuse', reason: 'limit', allowed: limit }
  if (tenants <= 1) return { kind: 'take', reason: 'alone' }
  const others = Math.max(0, used - own)
  const allowed = Math.max(0, Math.floor((capacity - others) / 2))
  return own + ask <= allowed
    ? { kind: 'take', reason: 'room' }
    : { kind: 'refuse', reason: 'share', allowed }
}
