import type { BalancerShare, NodeLoad, PlacementLimits } from './node-load.ts'

/** How many of a node's slots are open, and which of them belong to which load balancer. */

/** A node starts slowly for this long, milliseconds. */
const SLOW_START_MS = 30_000
/** A node that has just started gets this share of its slots, so that it proves itself first. */
const SLOW_START_MIN = 0.1
/**
 * Slow start applies only while such nodes have at most this share of all slots. Beyond it the waiting would
 * cost more than the caution saves, and when a whole fleet starts no other nodes exist.
 */
const COLD_SHARE_MAX = 1 / 3
/** With fewer nodes the median would be the value of one of the two compared nodes. */
const TYPICAL_NODES_MIN = 3

/** Slots that a node may fill now: S * max(0.10, t / 30 s) after a start. */
export function effectiveSlots(node: NodeLoad, slowStartMs: number | undefined): number {
  if (slowStartMs === undefined || node.upMs === undefined || node.upMs >= slowStartMs) {
    return node.slots
  }
  return Math.max(1, Math.floor(node.slots * Math.max(SLOW_START_MIN, node.upMs / slowStartMs)))
}

/**
 * This balancer's part of a node's free slots. The parts of all balancers add up to `free`, so that no credit
 * is spent twice and none is lost to rounding; the rest goes to another balancer for each node.
 */
export function ownShare(free: number, nodeId: string, share: BalancerShare): number {
  const { count, index, turn = 0 } = share
  if (count <= 1) return free
  // Ids of a fleet differ at their end.
  const salt = nodeId.charCodeAt(nodeId.length - 1) + nodeId.charCodeAt(nodeId.length >> 1)
  return partOf(free, count, index, salt + turn)
}

/** One of `count` parts, which add up to the whole; the odd places go to other parts for each salt. */
export function partOf(places: number, count: number, index: number, salt: number): number {
  const whole = Math.floor(places / count)
  return (index + salt) % count < places - whole * count ? whole + 1 : whole
}

/** Completes the limits with figures of the whole fleet; once per round of placing. */
export function fleetLimits(
  nodes: readonly NodeLoad[],
  limits: PlacementLimits,
  balancers: BalancerShare,
): PlacementLimits {
  let slots = 0
  let cold = 0
  const responses: number[] = []
  for (const node of nodes) {
    if (!node.passing || node.suspect || node.draining) continue
    slots += node.slots
    if (node.upMs !== undefined && node.upMs < SLOW_START_MS) cold += node.slots
    if (node.responseMs > 0) responses.push(node.responseMs)
  }
  const median = responses.sort((a, b) => a - b)[responses.length >> 1]
  return {
    ...limits,
    balancers,
    ...(cold <= slots * COLD_SHARE_MAX ? { slowStartMs: SLOW_START_MS } : {}),
    ...(median === undefined || responses.length < TYPICAL_NODES_MIN ? {} : { typicalMs: median }),
  }
}
