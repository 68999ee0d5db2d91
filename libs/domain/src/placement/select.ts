import { homeWeight, keyHash } from './affinity.ts'
import { effectiveSlots, ownShare } from './credits.ts'
import type { NodeLoad, Placement, PlacementLimits } from './node-load.ts'
import { hasRoom, usedShare } from './room.ts'

/** A node that could have had the task: lower scores are better. */
export interface Candidate {
  readonly id: string
  readonly score: number
  readonly free: number
}

/** Nodes that the filter left out, by the first reason that applied. */
const NOTHING_SKIPPED = {
  away: 0,
  suspect: 0,
  draining: 0,
  stale: 0,
  ejected: 0,
  excluded: 0,
  full: 0,
  noRoom: 0,
}
type Counts = typeof NOTHING_SKIPPED

/** The basis of a decision: how many nodes, which were left out, the best of the rest. */
interface Weighed {
  readonly considered: number
  readonly skipped: Readonly<Counts>
  readonly candidates: readonly Candidate[]
}

/** The node of a task, or why there is none. */
export type PlacementDecision =
  | {
      readonly kind: 'place'
      readonly nodeId: string
      readonly reason: 'lowest-load' | 'only-candidate' | 'affinity' | 'probe' | 'advised'
      readonly weighed: Weighed
    }
  | {
      readonly kind: 'hold'
      readonly reason: 'no-nodes' | 'no-credits' | 'no-room'
      readonly weighed: Weighed
    }

/** A node with figures older than two missed heartbeats (500 ms each) gets no new work. */
export const PLACEMENT_LIMITS: PlacementLimits = { heartbeatAgeMaxMs: 1_000 }

/** Share of keyed tasks that go to the least loaded node, so that a better home can show itself. */
const EXPLORATION = 0.01
/** A node whose attempts take this many times the median is the last choice. */
const SLOW_FROM = 2
const SLOW_FULL = 5

/** Free slots of a node for one load balancer. */
export function creditsOf(node: NodeLoad, limits: PlacementLimits): number {
  const free = effectiveSlots(node, limits.slowStartMs) - node.active
  if (free <= 0) return 0
  const own = limits.balancers === undefined ? free : ownShare(free, node.id, limits.balancers)
  const credits = own - node.inTransit
  if (credits <= 0) return 0
  return node.ejected === 'probe' ? 1 : credits
}

/** Whether a node may take any work, apart from credits and room. */
export function isEligible(node: NodeLoad, limits: PlacementLimits): boolean {
  return (
    node.passing &&
    !node.suspect &&
    !node.draining &&
    node.heartbeatAgeMs <= limits.heartbeatAgeMaxMs &&
    node.ejected !== 'out'
  )
}

/**
 * Filter, score, pick. A node on probation gets its probe, a keyed task its home while that has room, every
 * other task the least loaded eligible node with a free credit and room. `random` decides among equal scores,
 * so that several load balancers do not all choose the same node.
 */
export function selectNode(
  nodes: readonly NodeLoad[],
  task: Placement,
  limits: PlacementLimits,
  random: () => number,
): PlacementDecision {
  const key = task.affinityKey === undefined ? undefined : keyHash(task.affinityKey)
  const skipped = { ...NOTHING_SKIPPED }
  let probe: NodeLoad | undefined
  let home: NodeLoad | undefined
  let homeTakes = false
  let homeBest = -1
  let fit = 0
  let ties = 1
  let first: NodeLoad | undefined
  let second: NodeLoad | undefined
  let third: NodeLoad | undefined
  let firstScore = Infinity
  let secondScore = Infinity
  let thirdScore = Infinity
  for (const node of nodes) {
    if (isLeftOut(node, task, limits, skipped)) continue
    const takes = fitsNow(node, task, limits, skipped)
    if (key !== undefined) {
      const weight = homeWeight(key, node.id)
      if (weight > homeBest) {
        homeBest = weight
        home = node
        homeTakes = takes
      }
    }
    if (!takes) continue
    fit += 1
    if (node.ejected === 'probe') probe = node
    const score = loadScore(node, limits)
    if (score < firstScore || (score === firstScore && random() < 1 / ++ties)) {
      if (score < firstScore) ties = 1
      third = second
      thirdScore = secondScore
      second = first
      secondScore = firstScore
      first = node
      firstScore = score
    } else if (score < secondScore) {
      third = second
      thirdScore = secondScore
      second = node
      secondScore = score
    } else if (score < thirdScore) {
      third = node
      thirdScore = score
    }
  }
  const candidates: Candidate[] = []
  if (first !== undefined) candidates.push(candidate(first, firstScore, limits))
  if (second !== undefined) candidates.push(candidate(second, secondScore, limits))
  if (third !== undefined) candidates.push(candidate(third, thirdScore, limits))
  const weighed = { considered: nodes.length, skipped, candidates }
  if (first === undefined) return { kind: 'hold', reason: holdReason(skipped), weighed }
  // A task that was lost or has failed elsewhere is not used as a probe.
  if (probe !== undefined && (task.excluded?.length ?? 0) === 0) {
    return { kind: 'place', nodeId: probe.id, reason: 'probe', weighed }
  }
  if (home !== undefined && homeTakes && random() >= EXPLORATION) {
    return { kind: 'place', nodeId: home.id, reason: 'affinity', weighed }
  }
  const reason = fit === 1 ? 'only-candidate' : 'lowest-load'
  return { kind: 'place', nodeId: first.id, reason, weighed }
}

function isLeftOut(
  node: NodeLoad,
  task: Placement,
  limits: PlacementLimits,
  skipped: Counts,
): boolean {
  if (!node.passing) skipped.away += 1
  else if (node.suspect) skipped.suspect += 1
  else if (node.draining) skipped.draining += 1
  else if (node.heartbeatAgeMs > limits.heartbeatAgeMaxMs) skipped.stale += 1
  else if (node.ejected === 'out') skipped.ejected += 1
  else if (task.excluded?.includes(node.id) === true) skipped.excluded += 1
  else return false
  return true
}

/** Whether an eligible node could take the task this moment. */
function fitsNow(
  node: NodeLoad,
  task: Placement,
  limits: PlacementLimits,
  skipped: Counts,
): boolean {
  if (creditsOf(node, limits) < 1) skipped.full += 1
  else if (!hasRoom(node, task)) skipped.noRoom += 1
  else return true
  return false
}

function holdReason(skipped: Counts): 'no-nodes' | 'no-credits' | 'no-room' {
  if (skipped.noRoom > 0) return 'no-room'
  return skipped.full > 0 ? 'no-credits' : 'no-nodes'
}

/**
 * Slots in use weigh most: an agent waits for its provider, so a free slot matters more than a busy processor
 * (control-loop simulation: credits do better than every mix led by latency). Processor, memory and a slow
 * event loop only separate nodes that are about equally full; a node several times slower than the median
 * comes last.
 */
export function loadScore(node: NodeLoad, limits: PlacementLimits): number {
  const lag = Math.min(1, node.lagMs / 250)
  const slow = limits.typicalMs === undefined ? 0 : slowness(node.responseMs / limits.typicalMs)
  return (
    usedShare(node, effectiveSlots(node, limits.slowStartMs)) +
    0.1 * Math.min(1, node.cpu) +
    0.1 * Math.min(1, node.memory) +
    0.1 * lag +
    slow
  )
}

/**
 * 0 up to twice the median, because a mean of a few attempts of very different lengths can differ that much by
 * chance; then up to 1.
 */
function slowness(timesTypical: number): number {
  if (timesTypical <= SLOW_FROM) return 0
  return Math.min(1, (timesTypical - SLOW_FROM) / (SLOW_FULL - SLOW_FROM))
}

/** A node in the short form that a task's record keeps. */
export function candidate(node: NodeLoad, score: number, limits: PlacementLimits): Candidate {
  return { id: node.id, score: Math.round(score * 1_000) / 1_000, free: creditsOf(node, limits) }
}
