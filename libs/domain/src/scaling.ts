/** The cluster as the autoscaler sees it. */
export interface ClusterSnapshot {
  /** Nodes that serve or are starting; draining and dead ones are not among them. */
  readonly nodes: number
  readonly draining: number
  readonly slotsPerNode: number
  readonly running: number
  readonly queued: number
  /** Instant of the last change of the node count. */
  readonly changedAtMs: number
  /** Highest node count wanted within the scale-down window. */
  readonly wantedMax: number
  /** False when figures are missing: a fleet is never shrunk blindly. */
  readonly complete: boolean
}

/** Limits of scaling. */
export interface ScaleLimits {
  readonly nodesMin: number
  readonly nodesMax: number
  /** Share of slots in use to aim at. */
  readonly utilisationTarget: number
  /** After a change, no scale-in for this long, milliseconds. */
  readonly cooldownMs: number
  /** Most nodes taken away in one decision. */
  readonly scaleInStep: number
  /** Nodes added in one decision: this many, or as many as there are, whichever is more. */
  readonly scaleOutStep: number
}

/** Defaults: the owner's 2 to 20 nodes; 0.85 is the utilisation promised in the mission. */
export const SCALE_LIMITS: ScaleLimits = {
  nodesMin: 2,
  nodesMax: 20,
  utilisationTarget: 0.85,
  cooldownMs: 60_000,
  scaleInStep: 1,
  scaleOutStep: 4,
}

/** An absolute node count with its reason; acting on it twice changes nothing. */
export interface ScaleDecision {
  readonly kind: 'scale-out' | 'scale-in' | 'hold'
  readonly nodes: number
  readonly reason: string
}

/** Nodes that demand asks for, before windows and cooldowns. */
export function nodesWanted(cluster: ClusterSnapshot, limits: ScaleLimits): number {
  const demand = cluster.running + cluster.queued
  const wanted = Math.ceil(demand / (cluster.slotsPerNode * limits.utilisationTarget))
  return Math.min(limits.nodesMax, Math.max(limits.nodesMin, wanted))
}

/** Target tracking: out at once, in by the highest wish of a window and one step at a time. */
export function decideScale(
  cluster: ClusterSnapshot,
  limits: ScaleLimits,
  nowMs: number,
): ScaleDecision {
  const nodes = cluster.nodes
  if (nodes < limits.nodesMin) {
    return { kind: 'scale-out', nodes: limits.nodesMin, reason: 'below-minimum' }
  }
  if (!cluster.complete || cluster.slotsPerNode <= 0) {
    return { kind: 'hold', nodes, reason: 'figures-missing' }
  }
  const wanted = nodesWanted(cluster, limits)
  if (wanted > nodes) {
    const reachable = nodes + Math.max(limits.scaleOutStep, nodes)
    return { kind: 'scale-out', nodes: Math.min(wanted, reachable), reason: 'demand' }
  }
  const floor = Math.max(wanted, Math.min(cluster.wantedMax, limits.nodesMax))
  if (floor >= nodes) {
    return { kind: 'hold', nodes, reason: wanted === nodes ? 'on-target' : 'recent-demand' }
  }
  if (cluster.draining > 0) return { kind: 'hold', nodes, reason: 'draining' }
  if (nowMs - cluster.changedAtMs < limits.cooldownMs) {
    return { kind: 'hold', nodes, reason: 'cooldown' }
  }
  return {
    kind: 'scale-in',
    nodes: Math.max(floor, nodes - limits.scaleInStep),
    reason: 'idle-capacity',
  }
}

/** How many nodes were wanted at an instant. */
export interface Wish {
  readonly atMs: number
  readonly nodes: number
}

/**
 * The highest wish within the window before `nowMs`; Infinity while the wishes do not reach back
 * over the whole window, so that a fleet is never shrunk on half a memory.
 */
export function wantedWithin(wishes: readonly Wish[], windowMs: number, nowMs: number): number {
  const sinceMs = nowMs - windowMs
  if (!wishes.some((wish) => wish.atMs <= sinceMs)) return Infinity
  return wishes.reduce((max, wish) => (wish.atMs >= sinceMs ? Math.max(max, wish.nodes) : max), 0)
}

/** A node that could be drained. */
export interface Victim {
  readonly id: string
  readonly active: number
  readonly startedAtMs: number
}

/** The least busy nodes, newest first among equals: `count` of them. */
export function selectVictims(nodes: readonly Victim[], count: number): readonly string[] {
  return [...nodes]
    .sort((a, b) => a.active - b.active || b.startedAtMs - a.startedAtMs || (a.id < b.id ? -1 : 1))
    .slice(0, Math.max(0, count))
    .map((node) => node.id)
}
