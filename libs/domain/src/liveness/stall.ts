/**
 * Gray failures: a node that heartbeats and does not progress. Liveness says nothing of it, so progress is
 * observed apart from it, and always beside the other nodes: when nobody progresses, what they all
 * wait for (provider, coordinator, broker) is at fault and no node.
 */

/** What a node says of the attempts it holds. */
export interface WorkFigures {
  /** Attempts that hold a slot. */
  readonly active: number
  /** Of these: wait for a timer or a tool, each within a limit of its own. */
  readonly waiting: number
  /** Of these: wait for a provider. */
  readonly calling: number
}

/** The work of one node over time, as an observer has seen it; instants are of the observer's clock. */
export interface NodeWork extends WorkFigures {
  readonly nodeId: string
  /** Longest that an attempt which waits for the node itself or the coordinator has stood still. */
  readonly stuckMs: number
  /** How long the main loop has not ticked, 0 when it does. */
  readonly stallMs: number
  /** Mean time of an attempt, 0 when there was none. */
  readonly responseMs: number
  /** Since when it has held work that should move, see `expectsProgress`, and been watched. */
  readonly sinceMs: number
  /** When it last heard its provider. */
  readonly heardAtMs?: number
  /** When it last completed a task. */
  readonly completedAtMs?: number
}

/** One node beside the others that live. */
export interface WorkWindow {
  readonly node: NodeWork
  readonly others: readonly NodeWork[]
}

/** Constants of the classification. */
export interface ProgressLimits {
  /** A main loop that has been silent this long does nothing for anybody, milliseconds. */
  readonly mainLoopMs: number
  /** Least time without progress that means something, milliseconds. */
  readonly stillMs: number
  /** And at least so many times what an attempt usually takes. */
  readonly stillFactor: number
  /** So many silent calls are no coincidence; one or two providers may think that long. */
  readonly callsMin: number
}

/**
 * 30 s and three times the usual: shorter pauses happen to healthy nodes. A main loop is ticked four
 * times a second; 5 s is far beyond any garbage collection.
 */
export const PROGRESS_LIMITS: ProgressLimits = {
  mainLoopMs: 5_000,
  stillMs: 30_000,
  stillFactor: 3,
  callsMin: 3,
}

/** Whether a node progresses, as far as can be told. */
export interface ProgressDecision {
  readonly kind: 'working' | 'stalled'
  readonly reason:
    'progress' | 'nothing-due' | 'others-still' | 'main-loop' | 'no-progress' | 'stuck-runs'
  /** How long it has not progressed, milliseconds. */
  readonly stillMs: number
  /** What counts as too long for it, milliseconds. */
  readonly limitMs: number
}

/**
 * Whether a node holds work that should move soon: not what waits for a timer, and not a call or two
 * whose provider may be thinking.
 */
export function expectsProgress(work: WorkFigures, limits: ProgressLimits): boolean {
  const due = work.active - work.waiting
  return due > work.calling || (due > 0 && work.calling >= limits.callsMin)
}

/** Working or stalled, by its own progress beside that of the others. */
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
  // Compared by what it lacks itself: words of the provider, completions, or any of the two.
  const onlyCalls = node.calling >= node.active - node.waiting
  const lacks = onlyCalls ? 'heardAtMs' : still ? undefined : 'completedAtMs'
  if (!othersProgress(others, lacks, limitMs, nowMs)) return say('working', 'others-still')
  return still ? say('stalled', 'no-progress') : say('stalled', 'stuck-runs', node.stuckMs)
}

function lastMoveMs({ heardAtMs, completedAtMs }: NodeWork): number | undefined {
  if (heardAtMs === undefined || completedAtMs === undefined) return heardAtMs ?? completedAtMs
  return Math.max(heardAtMs, completedAtMs)
}

/** What an attempt usually takes: the middle of what the nodes say. */
function usualMs({ node, others }: WorkWindow): number {
  const known = [node, ...others]
    .map(({ responseMs }) => responseMs)
    .filter((ms) => ms > 0)
    .sort((a, b) => a - b)
  return known[Math.floor(known.length / 2)] ?? 0
}

/** Whether at least half of the others that have work to do, or had it just now, are moving. */
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

/** Most nodes of a fleet that may be called stalled at a time: a third, and never the last one. */
export function stalledMax(living: number): number {
  return living < 2 ? 0 : Math.max(1, Math.floor(living / 3))
}

/** Which of the nodes that look stalled may be called so. */
export interface StallPermission {
  readonly kind: 'allow' | 'withhold'
  readonly reason: 'within-a-third' | 'mass-stall' | 'own-doubt'
}

/** What has to be known for that. */
export interface StallHealth {
  /** Nodes that live, the stalled among them. */
  readonly living: number
  /** Nodes that look stalled or are called so. */
  readonly stalled: number
  /** The observer lags, or has not been connected for long. */
  readonly doubtful: boolean
}

/** More than a third at once is an illness of what they share, and calls for no drain of anybody. */
export function admitStall(health: StallHealth): StallPermission {
  if (health.doubtful) return { kind: 'withhold', reason: 'own-doubt' }
  return health.stalled > stalledMax(health.living)
    ? { kind: 'withhold', reason: 'mass-stall' }
    : { kind: 'allow', reason: 'within-a-third' }
}
