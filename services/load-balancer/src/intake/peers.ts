import type { BalancerShare } from '@agentfleet/domain'
import type { Balancer } from '@agentfleet/protocol'

/**
 * The load balancers that share the credits of the nodes, including this one.
 *
 * Invariant: a load balancer that was silent for three rounds or announced that it leaves is not
 * counted; all sort the same ids, so each knows its own share without asking.
 */
export interface Peers {
  /** Records an announcement; returns true if this id was not counted before. */
  heard(hint: Balancer): boolean
  share(): BalancerShare
}

/** Milliseconds between announcements of each load balancer. */
export const ANNOUNCE_EVERY_MS = 500
/** Milliseconds; after three silent rounds a load balancer no longer counts. */
const ANNOUNCE_VALID_MS = 1_600
/** Milliseconds of wall-clock time after which the odd credits move to the next load balancer. */
const TURN_MS = 1_000

/** Creates the peers, with only this load balancer. */
export function createPeers(
  own: string,
  clock: { readonly nowMs: () => number; readonly monotonicMs: () => number },
): Peers {
  const heardAtMs = new Map<string, number>()
  return {
    heard({ id, leaving }) {
      if (id === own) return false
      if (leaving === true) {
        heardAtMs.delete(id)
        return false
      }
      const unknown = !heardAtMs.has(id)
      heardAtMs.set(id, clock.monotonicMs())
      return unknown
    },
    share() {
      const since = clock.monotonicMs() - ANNOUNCE_VALID_MS
      let before = 0
      for (const [id, atMs] of heardAtMs) {
        if (atMs < since) heardAtMs.delete(id)
        else if (id < own) before += 1
      }
      const turn = Math.floor(clock.nowMs() / TURN_MS)
      return { count: heardAtMs.size + 1, index: before, turn }
    },
  }
}
