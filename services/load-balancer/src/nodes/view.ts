import {
  creditsOf,
  fleetLimits,
  isEligible,
  PLACEMENT_LIMITS,
  type PlacementLimits,
} from '@agentfleet/domain'
import type { KnownLoad, NodeTable } from './node-table.ts'
import type { Peers } from '../intake/peers.ts'

/**
 * What one round of deciding sees: the loads, the limits that the fleet as a whole sets, and the
 * credits that follow. Invariant: it is made anew after every change of the table, and is never older
 * than a few milliseconds; whoever asks twice within a moment gets the same.
 */
export interface FleetView {
  now(): Seen
}

/** What is seen at an instant. */
export interface Seen {
  readonly loads: readonly KnownLoad[]
  readonly limits: PlacementLimits
  /** This load balancer's free credits, of all nodes that may take work. */
  readonly credits: number
  readonly eligible: number
  readonly ejected: number
}

/** Heartbeats grow old, and turns of the odd credits come, by themselves: far below either, milliseconds. */
const VALID_MS = 20

/** Looks at these nodes as one of these load balancers. */
export function createFleetView(
  nodes: NodeTable,
  peers: Peers,
  monotonicMs: () => number,
): FleetView {
  let seen: Seen | undefined
  let version = 0
  let atMs = 0
  return {
    now() {
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
