import type { BalancerShare } from '@agentfleet/domain'
import type { Balancer } from '@agentfleet/protocol'

/**
 * The load balancers that share the credits of the nodes, this one among them.
 *
 * Invariant: who was not heard of for three rounds, or has said that it leaves, is not counted; all of
 * them sort the same ids, so each finds its own place without asking.
 */
export interface Peers {
  /** Takes an announcement in; true when nobody of this id was counted before. */
  heard(hint: Balancer): boolean
  share(): BalancerShare
}

/** Each load balancer says that it lives this often, milliseconds. */
export const ANNOUNCE_EVERY_MS = 500
/** Three silent rounds and it is not counted. */
const ANNOUNCE_VALID_MS = 1_600
/** The odd credits go round at this interval, by the wall clock that all of them have, milliseconds. */
const TURN_MS = 1_000

/** Knows of nobody but this one. */
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
