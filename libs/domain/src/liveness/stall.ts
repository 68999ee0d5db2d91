/**
 * Gray failures: a node that sends heartbeats and does not progress. Liveness cannot show this, so progress
 * is observed separately, and always compared with the other nodes: when no node progresses, a part that they
 * all wait for (provider, coordinator, broker) is at fault.
 */

/** A node's report on the attempts it holds. */
interface WorkFigures {
  /** Attempts that hold a slot. */
  readonly active: number
  /** Of these: wait for a timer or a tool, each within its own limit. */
  readonly waiting: number
  /** Of these: wait for a provider. */
  readonly calling: number
}

/** The work of one node over time, as an observer has seen it; times are on the observer's clock. */
export interface NodeWork extends WorkFigures {
  readonly nodeId: string
  /** Longest time without progress of an attempt that waits for the node itself or the coordinator. */
  readonly stuckMs: number
  /** How long the main loop has not ticked, 0 when it does. */
  readonly stallMs: number
  /** Mean time of an attempt, 0 when there was none. */
  readonly responseMs: number
  /** The time since which the monitor has observed work on it that should progress (see `expectsProgress`). */
  readonly sinceMs: number
  /** When its provider last sent it something. */
  readonly heardAtMs?: number
  /** When it last completed a task. */
  readonly completedAtMs?: number
}

/** One node compared with the other living nodes. */
interface WorkWindow {
  readonly node: NodeWork
  readonly others: readonly NodeWork[]
}

/**
 * Constants of the classification. 30 s and three times the usual: shorter pauses happen to healthy nodes. A main
 * loop is ticked four times a second; 5 s is far beyond any garbage collection.
 */
export const PROGRESS_LIMITS = {
  /** After this silence of its main loop a node serves nothing, milliseconds. */
  mainLoopMs: 5_000,
  /** Least time without progress that counts, milliseconds. */
  stillMs: 30_000,
  /** And at least this many times the usual time of an attempt. */
  stillFactor: 3,
  /** So many silent calls are not a coincidence; one or two providers may need that long to answer. */
  callsMin: 3,
} as const
/** Constants of the classification. */
export type ProgressLimits = Readonly<Record<keyof typeof PROGRESS_LIMITS, number>>

/** Whether a node progresses, as far as the observer can tell. */
export interface ProgressDecision {
  readonly kind: 'working' | 'stalled'
  readonly reason:
    | 'progress'
    | 'nothing-due'
    | 'others-still'
    | 'main-loop'
    | 'no-progress'
    | 'stuck-runs'
  /** How long it has not progressed, milliseconds. */
  readonly stillMs: number
  /** The time that counts as too long for it, milliseconds. */
  readonly limitMs: number
}

/**
 * Whether a node holds work that should progress soon; attempts that wait for a timer do not count, nor do
 * one or two calls whose provider may still be working.
 */
export function expectsProgress(work: WorkFigures, limits: ProgressLimits): boolean {
  const due = work.active - work.waiting
  return due > work.calling || (due > 0 && work.calling >= limits.callsMin)
}

/** Working or stalled, by its own progress compared with the progress of the other nodes. */
export function classifyProgress(
  window: WorkWindow,
  limits: ProgressLimits,
  nowMs: number,
): ProgressDecision {
  const { node, others } = window
  const limitMs = Math.max(limits.stillMs, limits.stillFactor * usualMs(window))
  const stillMs = nowMs - Math.max(node.sinceMs, lastMoveMs(node) ?? node.sinceMs)
  const say = (
    kind: ProgressDecision['kind'],
    reason: ProgressDecision['reason'],
    forMs = stillMs,
  ): ProgressDecision => ({ kind, reason, stillMs: Math.max(0, forMs), limitMs })

  if (node.stallMs >= limits.mainLoopMs) return say('stalled', 'main-loop', node.stallMs)
  if (!expectsProgress(node, limits)) return say('working', 'nothing-due', 0)
  const still = stillMs >= limitMs
  const idleMs = nowMs - Math.max(node.sinceMs, node.completedAtMs ?? node.sinceMs)
  const stuck = node.stuckMs >= limitMs && idleMs >= limitMs
  if (!still && !stuck) return say('working', 'progress')
  // Compared by the kind of progress that it lacks: answers of the provider, completions, or any of the two.
  const onlyCalls = node.calling >= node.active - node.waiting
  const lacks = onlyCalls ? 'heardAtMs' : still ? undefined : 'completedAtMs'
  if (!othersProgress(others, lacks, limitMs, nowMs)) return say('working', 'others-still')
  return still ? say('stalled', 'no-progress') : say('stalled', 'stuck-runs', node.stuckMs)
}

function lastMoveMs({ heardAtMs, completedAtMs }: NodeWork): number | undefined {
  if (heardAtMs === undefined || completedAtMs === undefined) return heardAtMs ?? completedAtMs
  return Math.max(heardAtMs, completedAtMs)
}

/** The usual time of an attempt: the median of the nodes' figures. */
function usualMs({ node, others }: WorkWindow): number {
  const known = [node, ...others]
    .map(({ responseMs }) => responseMs)
    .filter((ms) => ms > 0)
    .sort((a, b) => a - b)
  return known[Math.floor(known.length / 2)] ?? 0
}

/** Whether at least half of the other nodes that have work, or had work just now, progress. */
function othersProgress(
  others: readonly NodeWork[],
  lacks: 'heardAtMs' | 'completedAtMs' | undefined,
  limitMs: number,
  nowMs: number,
): boolean {
  const moves = (other: NodeWork): boolean => {
    const atMs = lacks === undefined ? lastMoveMs(other) : other[lacks]
    return atMs !== undefined && nowMs - atMs < limitMs / 2
  }
  const hasWork = (other: NodeWork): boolean =>
    lacks === 'heardAtMs' ? other.calling > 0 : other.active > other.waiting
  const moving = others.filter(moves).length
  const comparable = others.filter((other) => moves(other) || hasWork(other)).length
  return moving > 0 && moving * 2 >= comparable
}

/** Largest part of a fleet that may be declared stalled at a time: a third, and never the last node. */
export function stalledMax(living: number): number {
  return living < 2 ? 0 : Math.max(1, Math.floor(living / 3))
}

/** Which of the nodes that look stalled may be declared so. */
interface StallPermission {
  readonly kind: 'allow' | 'withhold'
  readonly reason: 'within-a-third' | 'mass-stall' | 'own-doubt'
}

interface StallHealth {
  /** Living nodes, including the stalled ones. */
  readonly living: number
  /** Nodes that look stalled or are already declared so. */
  readonly stalled: number
  /** The observer lags, or has connected only recently. */
  readonly doubtful: boolean
}

/** More than a third at once points to a fault of a shared part; no node is drained for it. */
export function admitStall(health: StallHealth): StallPermission {
  if (health.doubtful) return { kind: 'withhold', reason: 'own-doubt' }
  return health.stalled > stalledMax(health.living)
    ? { kind: 'withhold', reason: 'mass-stall' }
    : { kind: 'allow', reason: 'within-a-third' }
}
