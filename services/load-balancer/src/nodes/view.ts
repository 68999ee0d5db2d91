import {
  creditsOf,
  fleetLimits,
  isEligible,
  PLACEMENT_LIMITS,
  type PlacementLimits,
} from '@agentfleet/domain'
import type { KnownLoad, NodeTable } from './node-table.ts'
import type { createPeers } from '../intake/peers.ts'

/** What one placement round sees: the loads, the limits of the fleet as a whole, and the resulting credits. */
export interface Seen {
  readonly loads: readonly KnownLoad[]
  readonly limits: PlacementLimits
  /** This load balancer's free credits on all nodes that may take work. */
  readonly credits: number
  readonly eligible: number
  readonly ejected: number
}

/** Milliseconds; far below the age at which heartbeats expire and the turns of the odd credits. */
const VALID_MS = 20

/** The view of the nodes for this load balancer. */
export type FleetView = ReturnType<typeof createFleetView>
type Peers = Pick<ReturnType<typeof createPeers>, 'share'>

/**
 * Creates the view of these nodes for this load balancer. Invariant: it is computed again after every change of the
 * table and is at most a few milliseconds old; two calls within a moment return the same value.
 */
export function createFleetView(nodes: NodeTable, peers: Peers, monotonicMs: () => number) {
  let seen: Seen | undefined
  let version = 0
  let atMs = 0
  return {
    now(): Seen {
      const now = monotonicMs()
      if (seen === undefined || version !== nodes.version() || now - atMs > VALID_MS) {
        version = nodes.version()
        atMs = now
        seen = look(nodes, peers)
      }
      return seen
    },
  }
}

function look(nodes: NodeTable, peers: Peers): Seen {
  const loads = nodes.loads()
  const limits = fleetLimits(loads, PLACEMENT_LIMITS, peers.share())
  let credits = 0
  let eligible = 0
  let ejected = 0
  for (const node of loads) {
    if (node.ejected !== undefined) ejected += 1
    if (!isEligible(node, limits)) continue
    eligible += 1
    credits += creditsOf(node, limits)
  }
  return { loads, limits, credits, eligible, ejected }
}
