import {
  admitHeartbeat,
  expectsProgress,
  GAP_MAX_MS,
  given,
  NODES_MAX,
  PROGRESS_LIMITS,
  type HeartbeatDecision,
  type LivenessState,
  type NodeWork,
} from '@agentfleet/domain'
import type { Heartbeat } from '@agentfleet/protocol'

/**
 * The state of every node, from its latest heartbeat.
 *
 * States of an entry: alive ⇄ suspect → dead → (a higher incarnation) alive; it may also be marked
 * as stalled. Invariants: only the latest (incarnation, version) of a node counts; all times are of
 * the monotonic clock; there are at most NODES_MAX entries; a node changes its incarnation at most once in
 * INCARNATION_MIN_MS, because each change costs a death, an incident or a look-up of them (L9).
 */
export interface NodeEntry {
  heartbeat: Heartbeat
  /** When this incarnation was first heard. */
  readonly sinceMs: number
  lastHeartbeatAtMs: number
  gapsMs: number[]
  state: LivenessState
  /** The highest incarnation of the node that was declared dead, once it is known. */
  deadIncarnation?: number
  phi: number
  /** When its last examination began. */
  examinedAtMs?: number
  /** When it was marked as stalled; undefined if it is not. */
  stalledAtMs: number | undefined
  /** When it was last asked to drain for that reason. */
  askedAtMs: number | undefined
  /** The time since which it has had work that should make progress. */
  dueSinceMs: number
  heardAtMs: number | undefined
  completedAtMs: number | undefined
  /** When it became silent, oldest first; kept across incarnations. */
  fellAtMs: number[]
}

/** The result of a heartbeat. The table may ignore a valid heartbeat because of its bounds. */
interface Heard {
  readonly decision:
    | HeartbeatDecision
    | { readonly kind: 'ignore'; readonly reason: 'table-full' | 'restarts-too-fast' }
  /** The last heartbeat of the process that this process replaces. */
  readonly replaced?: Heartbeat
}

/** The table of nodes. */
export type NodeTable = ReturnType<typeof createNodeTable>

/** Gaps remembered for each node: 25 s of heartbeats. */
const GAPS_MAX = 50
/** Milliseconds; a node flaps if it became silent repeatedly within this time. */
const FLAP_WINDOW_MS = 600_000
const FLAPS_MAX = 100
/** Milliseconds; a process needs longer than this to start. */
const INCARNATION_MIN_MS = 1_000
const TABLE_FULL = { decision: { kind: 'ignore', reason: 'table-full' } } as const
const RESTARTS_TOO_FAST = { decision: { kind: 'ignore', reason: 'restarts-too-fast' } } as const

/** Creates an empty table. */
export function createNodeTable() {
  const nodes = new Map<string, NodeEntry>()

  return {
    hear(heartbeat: Heartbeat, nowMs: number): Heard {
      const entry = nodes.get(heartbeat.nodeId)
      const known = entry && { ...entry.heartbeat, dead: entry.state === 'dead' }
      const decision = admitHeartbeat(known, heartbeat)
      if (decision.kind === 'ignore') return { decision }
      if (entry === undefined && nodes.size >= NODES_MAX) return TABLE_FULL
      if (entry !== undefined && decision.reason === 'newer') {
        const gapMs = nowMs - entry.lastHeartbeatAtMs
        if (gapMs <= GAP_MAX_MS) entry.gapsMs.push(gapMs)
        if (entry.gapsMs.length > GAPS_MAX) entry.gapsMs.shift()
        noteWork(entry, heartbeat, nowMs)
        entry.heartbeat = heartbeat
        entry.lastHeartbeatAtMs = nowMs
        return { decision }
      }
      if (entry !== undefined && nowMs - entry.sinceMs < INCARNATION_MIN_MS) {
        return RESTARTS_TOO_FAST
      }
      nodes.set(heartbeat.nodeId, createEntry(heartbeat, nowMs, entry?.fellAtMs ?? []))
      return decision.kind === 'restarted' && entry !== undefined && !hasLeft(entry)
        ? { decision, replaced: entry.heartbeat }
        : { decision }
    },
    get: (nodeId: string) => nodes.get(nodeId),
    all: (): Iterable<NodeEntry> => nodes.values(),
    forget: (nodeId: string): void => void nodes.delete(nodeId),
  }
}

function createEntry(heartbeat: Heartbeat, nowMs: number, fellAtMs: number[]): NodeEntry {
  return {
    heartbeat,
    sinceMs: nowMs,
    lastHeartbeatAtMs: nowMs,
    gapsMs: [],
    state: 'alive',
    phi: 0,
    stalledAtMs: undefined,
    askedAtMs: undefined,
    dueSinceMs: nowMs,
    heardAtMs: undefined,
    completedAtMs: undefined,
    fellAtMs,
  }
}

/** Records the progress between two heartbeats of one process. */
function noteWork(entry: NodeEntry, heartbeat: Heartbeat, nowMs: number): void {
  const { work, completed } = entry.heartbeat
  if (heartbeat.work !== undefined && work !== undefined && heartbeat.work.heard > work.heard) {
    entry.heardAtMs = nowMs
  }
  if (heartbeat.completed > completed) entry.completedAtMs = nowMs
  // A silence is not a stall, because progress during it is unknown.
  const silent = nowMs - entry.lastHeartbeatAtMs > GAP_MAX_MS
  if (silent || !isDue(heartbeat)) entry.dueSinceMs = nowMs
}

function isDue({ active, work }: Heartbeat): boolean {
  return work !== undefined && expectsProgress({ active, ...work }, PROGRESS_LIMITS)
}

/** Converts the entry for the classification of progress; undefined if the node reports no work. */
export function workOf(entry: NodeEntry): NodeWork | undefined {
  const { heartbeat, heardAtMs, completedAtMs } = entry
  if (heartbeat.work === undefined) return undefined
  const { nodeId, active, responseMs } = heartbeat
  return {
    nodeId,
    active,
    responseMs,
    ...heartbeat.work,
    sinceMs: entry.dueSinceMs,
    ...given({ heardAtMs, completedAtMs }),
  }
}

/** Records that a node became silent. */
export function noteFall(entry: NodeEntry, nowMs: number): void {
  entry.fellAtMs = [...entry.fellAtMs, nowMs].slice(-FLAPS_MAX)
}

/** Returns how often the node became silent recently. */
export function flapsOf(entry: NodeEntry, nowMs: number): number {
  return entry.fellAtMs.filter((atMs) => nowMs - atMs < FLAP_WINDOW_MS).length
}

/** Whether the node has drained; it exits on its own, so its silence means nothing. */
export function hasLeft({ heartbeat }: NodeEntry): boolean {
  return heartbeat.draining && heartbeat.active === 0 && heartbeat.queued === 0
}
