import type { Balancers, BalancerShare } from '@agentfleet/domain'
import { giverOf, type Balancer } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'

/** Milliseconds between announcements of each load balancer. */
export const ANNOUNCE_EVERY_MS = 500
/** Milliseconds; after three silent rounds a load balancer no longer counts. */
export const ANNOUNCE_VALID_MS = 1_600
/** Milliseconds of wall-clock time after which the odd credits move to the next load balancer. */
const TURN_MS = 1_000

/**
 * The load balancers that share the credits of the nodes, including this load balancer; at first only this one.
 *
 * Invariant: a load balancer that was silent for three rounds or announced that it leaves is not
 * counted; all sort the same ids, so each knows its own share without asking.
 */
export function createPeers(own: Pick<Balancer, 'id' | 'since'>, clock: Clock) {
  const heardAtMs = new Map<string, number>()
  /** The process behind each id. */
  const givers = new Map<string, string>()
  const forgetSilent = (): void => {
    const since = clock.monotonicMs() - ANNOUNCE_VALID_MS
    for (const [id, atMs] of heardAtMs) if (atMs < since) heardAtMs.delete(id)
    for (const id of givers.keys()) if (!heardAtMs.has(id)) givers.delete(id)
  }
  return {
    /** Records an announcement; returns true if this process was not counted before. */
    heard({ id, since, leaving }: Balancer): boolean {
      if (id === own.id) return false
      if (leaving === true) {
        heardAtMs.delete(id)
        return false
      }
      const giver = giverOf({ id, since })
      // A restarted load balancer does not know the other load balancers yet.
      const unknown = !heardAtMs.has(id) || givers.get(id) !== giver
      heardAtMs.set(id, clock.monotonicMs())
      givers.set(id, giver)
      return unknown
    },
    share(): BalancerShare {
      forgetSilent()
      let before = 0
      for (const id of heardAtMs.keys()) if (id < own.id) before += 1
      const turn = Math.floor(clock.nowMs() / TURN_MS)
      return { count: heardAtMs.size + 1, index: before, turn }
    },
    /** The processes that live, this one among them. */
    balancers(): Balancers {
      forgetSilent()
      const giver = giverOf(own)
      return { own: giver, living: [giver, ...givers.values()].toSorted() }
    },
  }
}
