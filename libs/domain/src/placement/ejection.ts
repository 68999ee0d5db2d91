/**
 * Takes nodes that fail tasks by their own fault out of service, and brings them back.
 *
 * States of a node: serving → ejected (until a time) → probing (it runs one task) → serving, or ejected again
 * for longer. Invariants: only failures of local origin count, never those of a provider; at most a third of
 * the fleet is out (one node in a fleet of two, no node in a fleet of one); one probe at a time. Constants
 * after Envoy's outlier detection and Finagle's failure accrual.
 */

/** An event of a node, with failures of local origin only; provider failures are left out. */
export type EjectionEvent =
  | { readonly kind: 'ran'; readonly nodeId: string; readonly ok: number; readonly failed: number }
  /** A task was dispatched to a node that was due for a probe. */
  | { readonly kind: 'probe'; readonly nodeId: string }
  /** A new process or a new incarnation: it starts without failures. */
  | { readonly kind: 'restarted'; readonly nodeId: string }
  | { readonly kind: 'gone'; readonly nodeId: string }

/** Results of one stretch of time. */
interface Bucket {
  readonly startMs: number
  readonly ok: number
  readonly failed: number
}

/** The record of one node. */
export interface EjectionRecord {
  readonly state: 'serving' | 'ejected' | 'probing'
  readonly reason: 'none' | 'consecutive-failures' | 'success-rate' | 'probe-failed'
  /** When the present state began, and until when it lasts (ejected, probing). */
  readonly sinceMs: number
  readonly untilMs: number
  /** Ejections not yet forgotten. */
  readonly times: number
  readonly consecutive: number
  readonly window: readonly Bucket[]
}

/** All nodes with a record; the other nodes are serving. */
export type EjectionState = ReadonlyMap<string, EjectionRecord>

/** No node has a record. */
export const NONE_EJECTED: EjectionState = new Map()

/** This many failures in a row are not chance. */
const CONSECUTIVE_MAX = 5
/** A node with a lower share of successful tasks does harm, if it ended enough tasks to judge it. */
const SUCCESS_MIN = 0.8
const TASKS_MIN = 20
/** Results count for 30 s, in steps of 5 s. */
const WINDOW_MS = 30_000
const BUCKET_MS = 5_000
/**
 * The first ejection lasts 10 s, the n-th n times that, spread by a fifth either way; never above 30 s: a
 * probe costs one attempt, and a healthy ejected node costs a small fleet half of its slots.
 */
const EJECT_BASE_MS = 10_000
const EJECT_MAX_MS = 30_000
const EJECT_JITTER = 0.2
/** Milliseconds without faults after which the load balancer forgets one ejection. */
const FORGET_MS = 120_000
/** Local failures appear early: a probe that still runs after this long counts as passed, milliseconds. */
const PROBE_WAIT_MS = 5_000
/** Of N nodes at most N / 3 are out. */
const SHARE_MAX = 1 / 3

const SERVING: EjectionRecord = {
  state: 'serving',
  reason: 'none',
  sinceMs: 0,
  untilMs: 0,
  times: 0,
  consecutive: 0,
  window: [],
}

/** The state after one more event. */
export function nextEjections(
  state: EjectionState,
  event: EjectionEvent,
  nowMs: number,
  random: () => number,
): EjectionState {
  const next = new Map(state)
  if (event.kind === 'restarted' || event.kind === 'gone') {
    next.delete(event.nodeId)
    return next
  }
  const ejection = state.get(event.nodeId) ?? SERVING
  if (event.kind === 'probe') {
    if (ejection.state !== 'ejected' || nowMs < ejection.untilMs) return state
    const untilMs = nowMs + PROBE_WAIT_MS
    return next.set(event.nodeId, { ...ejection, state: 'probing', untilMs })
  }
  if (event.ok === 0 && event.failed === 0) return state
  return next.set(event.nodeId, assess(ejection, event.ok, event.failed, nowMs, random))
}

/**
 * Of the nodes that could otherwise take work: those that are out, and those due for a probe. If more nodes
 * should be out than may be, those with the longest ejection are; the other nodes keep serving.
 */
export function ejectedOf(
  state: EjectionState,
  nodeIds: readonly string[],
  nowMs: number,
): ReadonlyMap<string, 'out' | 'probe'> {
  const outMax = nodeIds.length < 2 ? 0 : Math.max(1, Math.floor(nodeIds.length * SHARE_MAX))
  const wanted: { readonly id: string; readonly ejection: EjectionRecord }[] = []
  for (const id of nodeIds) {
    const ejection = state.get(id)
    if (ejection !== undefined && isOut(ejection, nowMs)) wanted.push({ id, ejection })
  }
  wanted.sort((a, b) => a.ejection.sinceMs - b.ejection.sinceMs || (a.id < b.id ? -1 : 1))
  return new Map(
    wanted.slice(0, outMax).map(({ id, ejection }) => {
      const due = ejection.state === 'ejected' && nowMs >= ejection.untilMs
      return [id, due ? 'probe' : 'out']
    }),
  )
}

function isOut(ejection: EjectionRecord, nowMs: number): boolean {
  return ejection.state === 'ejected' || (ejection.state === 'probing' && nowMs < ejection.untilMs)
}

function assess(
  ejection: EjectionRecord,
  ok: number,
  failed: number,
  nowMs: number,
  random: () => number,
): EjectionRecord {
  // A task that ends on an ejected node was dispatched before the ejection.
  if (ejection.state === 'ejected') return ejection
  if (ejection.state === 'probing') {
    if (failed > 0) return ejected(ejection, 'probe-failed', nowMs, random)
    return { ...ejection, ...RESTORED, sinceMs: nowMs, window: [] }
  }
  // The order within one report is unknown; a success among failures counts for the rate only.
  const consecutive = ok > 0 ? 0 : ejection.consecutive + failed
  const window = withResults(ejection.window, ok, failed, nowMs)
  const seen = { ...ejection, consecutive, window }
  if (consecutive >= CONSECUTIVE_MAX) return ejected(seen, 'consecutive-failures', nowMs, random)
  const oks = window.reduce((sum, bucket) => sum + bucket.ok, 0)
  const tasks = window.reduce((sum, bucket) => sum + bucket.ok + bucket.failed, 0)
  if (tasks >= TASKS_MIN && oks / tasks < SUCCESS_MIN) {
    return ejected(seen, 'success-rate', nowMs, random)
  }
  return seen
}

const RESTORED = { state: 'serving', reason: 'none', untilMs: 0, consecutive: 0 } as const

function ejected(
  ejection: EjectionRecord,
  reason: EjectionRecord['reason'],
  nowMs: number,
  random: () => number,
): EjectionRecord {
  const forgotten =
    ejection.state === 'serving' ? Math.floor((nowMs - ejection.sinceMs) / FORGET_MS) : 0
  const times = Math.max(0, ejection.times - forgotten) + 1
  const spread = 1 + EJECT_JITTER * (2 * random() - 1)
  const lastsMs = Math.min(EJECT_MAX_MS, EJECT_BASE_MS * times) * spread
  return {
    state: 'ejected',
    reason,
    sinceMs: nowMs,
    untilMs: nowMs + lastsMs,
    times,
    consecutive: 0,
    window: [],
  }
}

function withResults(
  window: readonly Bucket[],
  ok: number,
  failed: number,
  nowMs: number,
): readonly Bucket[] {
  const startMs = Math.floor(nowMs / BUCKET_MS) * BUCKET_MS
  const last = window.at(-1)
  if (last !== undefined && last.startMs === startMs) {
    return [...window.slice(0, -1), { startMs, ok: last.ok + ok, failed: last.failed + failed }]
  }
  const recent = window.filter((bucket) => bucket.startMs > startMs - WINDOW_MS)
  return [...recent, { startMs, ok, failed }]
}
