import type { Level } from './task.ts'

/** What a load balancer knows of one worker node. */
export interface NodeLoad {
  readonly id: string
  readonly incarnation: number
  readonly slots: number
  /** Attempts running, as the node last said. */
  readonly active: number
  /** Dispatched and not yet reflected in `active`. */
  readonly inTransit: number
  /** Share of one core, 0 to 1. */
  readonly cpu: number
  /** Share of the node's memory limit, 0 to 1. */
  readonly memory: number
  /** 99th percentile of event-loop delay, milliseconds. */
  readonly lagMs: number
  /** Mean time an attempt takes, milliseconds. */
  readonly responseMs: number
  readonly draining: boolean
  readonly suspect: boolean
  /** Listed by Consul with passing checks. */
  readonly passing: boolean
  readonly beatAgeMs: number
}

/** What a task needs of its node. */
export interface Placement {
  readonly cpu: Level
  readonly memory: Level
  readonly excluded?: readonly string[]
}

/** Limits of placement. */
export interface PlacementLimits {
  /** Older figures than this count as a full node, milliseconds. */
  readonly beatAgeMaxMs: number
  /** Share of the node's credits this load balancer may spend (1/k with k of them). */
  readonly creditShare: number
}

/** Where a task goes, or why nowhere. */
export type PlacementDecision =
  | { readonly kind: 'place'; readonly nodeId: string; readonly reason: 'lowest-load' }
  | {
      readonly kind: 'hold'
      readonly reason: 'no-nodes' | 'no-credits' | 'no-room'
    }

/** Figures older than two missed beats (500 ms each) do not earn a node new work. */
export const PLACEMENT_LIMITS: PlacementLimits = { beatAgeMaxMs: 1_000, creditShare: 1 }

/** A node above this share has no room for a task of that class; the rest is judged by score. */
const CPU_CEILING: Record<Level, number> = { low: Infinity, medium: Infinity, high: 0.85 }
const MEMORY_CEILING: Record<Level, number> = { low: 0.97, medium: 0.95, high: 0.85 }

/** Free slots of a node for one load balancer. */
export function creditsOf(node: NodeLoad, limits: PlacementLimits): number {
  const free = node.slots - node.active
  return Math.max(0, Math.floor(free * limits.creditShare) - node.inTransit)
}

/** Whether a node may take work at all, apart from credits and room. */
export function isEligible(node: NodeLoad, limits: PlacementLimits): boolean {
  return node.passing && !node.suspect && !node.draining && node.beatAgeMs <= limits.beatAgeMaxMs
}

/**
 * Filter, score, pick: the eligible node with a free credit and room that is least loaded. Equal
 * scores are split by `random` so that several load balancers do not herd.
 */
export function selectNode(
  nodes: readonly NodeLoad[],
  task: Placement,
  limits: PlacementLimits,
  random: () => number,
): PlacementDecision {
  let eligible = 0
  let credited = 0
  let best: NodeLoad | undefined
  let bestScore = Infinity
  let ties = 1
  for (const node of nodes) {
    if (!isEligible(node, limits) || task.excluded?.includes(node.id)) continue
    eligible += 1
    if (creditsOf(node, limits) < 1) continue
    credited += 1
    if (node.cpu > CPU_CEILING[task.cpu] || node.memory > MEMORY_CEILING[task.memory]) continue
    const score = loadScore(node)
    if (score < bestScore) {
      best = node
      bestScore = score
      ties = 1
    } else if (score === bestScore && random() < 1 / ++ties) {
      best = node
    }
  }
  if (best !== undefined) return { kind: 'place', nodeId: best.id, reason: 'lowest-load' }
  if (eligible === 0) return { kind: 'hold', reason: 'no-nodes' }
  return { kind: 'hold', reason: credited === 0 ? 'no-credits' : 'no-room' }
}

/**
 * Slots in use weigh most: an agent waits on its provider, so a free slot matters more than a busy
 * processor (control-loop simulation: credits beat every mix led by latency). Processor, memory
 * and a slow event loop only separate nodes that are about equally full.
 */
function loadScore(node: NodeLoad): number {
  const used = (node.active + node.inTransit) / node.slots
  const lag = Math.min(1, node.lagMs / 250)
  return used + 0.1 * Math.min(1, node.cpu) + 0.1 * Math.min(1, node.memory) + 0.1 * lag
}
