import {
  admitHeartbeat,
  expectsProgress,
  GAP_MAX_MS,
  PROGRESS_LIMITS,
  type HeartbeatDecision,
  type Heartbeats,
  type LivenessState,
  type NodeWork,
} from '@agentfleet/domain'
import type { Heartbeat } from '@agentfleet/protocol'

/**
 * What is known of every node, by its latest heartbeat.
 *
 * States of an entry: alive ⇄ suspect → dead → (a higher incarnation) alive; apart from that it may
 * be marked as stalled. Invariants: of one node only its latest (incarnation, version) counts; all
 * instants are of the monotonic clock; at most NODES_MAX entries.
 */
export interface NodeEntry {
  heartbeat: Heartbeat
  lastHeartbeatAtMs: number
  gapsMs: number[]
  state: LivenessState
  phi: number
  /** When the last judgement of it began. */
  examinedAtMs?: number
  /** Since when it is called stalled; undefined: it is not. */
  stalledAtMs: number | undefined
  /** When it was last asked to drain because of that. */
  askedAtMs: number | undefined
  /** Since when it has held work that should move. */
  dueSinceMs: number
  heardAtMs: number | undefined
  completedAtMs: number | undefined
  /** When it fell silent, oldest first; outlives incarnations. */
  fellAtMs: number[]
}

/** The table of nodes. */
export interface NodeTable {
  /** Takes a heartbeat in; `replaced` is the heartbeat of a process that a new one has taken the place of. */
  hear(
    heartbeat: Heartbeat,
    nowMs: number,
  ): { readonly decision: HeartbeatDecision; readonly replaced?: Heartbeat }
  get(nodeId: string): NodeEntry | undefined
  all(): Iterable<NodeEntry>
  size(): number
  forget(nodeId: string): void
}

/** Gaps remembered of each node: 25 s of heartbeats. */
const GAPS_MAX = 50
/** Ten times the largest fleet meant; what claims to be more is not heard (L7). */
const NODES_MAX = 10_000
/** A node is said to flap by what it did within this time, milliseconds. */
const FLAP_WINDOW_MS = 600_000
const FLAPS_MAX = 100

/** An empty table. */
export function createNodeTable(): NodeTable {
  const nodes = new Map<string, NodeEntry>()

  return {
    hear(heartbeat, nowMs) {
      const entry = nodes.get(heartbeat.nodeId)
      const known = entry && { ...entry.heartbeat, dead: entry.state === 'dead' }
      const decision = admitHeartbeat(known, heartbeat)
      if (decision.kind === 'ignore') return { decision }
      if (entry === undefined && nodes.size >= NODES_MAX) {
        return { decision: { kind: 'ignore', reason: 'older' } }
      }
      if (entry !== undefined && decision.reason === 'newer') {
        const gapMs = nowMs - entry.lastHeartbeatAtMs
        if (gapMs <= GAP_MAX_MS) entry.gapsMs.push(gapMs)
        if (entry.gapsMs.length > GAPS_MAX) entry.gapsMs.shift()
        noteWork(entry, heartbeat, nowMs)
        entry.heartbeat = heartbeat
        entry.lastHeartbeatAtMs = nowMs
        return { decision }
      }
      nodes.set(heartbeat.nodeId, createEntry(heartbeat, nowMs, entry?.fellAtMs ?? []))
      return decision.kind === 'restarted' && entry !== undefined && !hasLeft(entry)
        ? { decision, replaced: entry.heartbeat }
        : { decision }
    },
    get: (nodeId) => nodes.get(nodeId),
    all: () => nodes.values(),
    size: () => nodes.size,
    forget: (nodeId) => void nodes.delete(nodeId),
  }
}

function createEntry(heartbeat: Heartbeat, nowMs: number, fellAtMs: number[]): NodeEntry {
  return {
    heartbeat,
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

/** What moved between two heartbeats of one process. */
function noteWork(entry: NodeEntry, heartbeat: Heartbeat, nowMs: number): void {
  const { work, completed } = entry.heartbeat
  if (heartbeat.work !== undefined && work !== undefined && heartbeat.work.heard > work.heard) {
    entry.heardAtMs = nowMs
  }
  if (heartbeat.completed > completed) entry.completedAtMs = nowMs
  // A silence is no standstill: what happened meanwhile is not known.
  const silent = nowMs - entry.lastHeartbeatAtMs > GAP_MAX_MS
  if (silent || !isDue(heartbeat)) entry.dueSinceMs = nowMs
}

function isDue({ active, work }: Heartbeat): boolean {
  return work !== undefined && expectsProgress({ active, ...work }, PROGRESS_LIMITS)
}

/** The entry as the classification of liveness wants it. */
export function heartbeatsOf(entry: NodeEntry): Heartbeats {
  const { heartbeat, lastHeartbeatAtMs, gapsMs } = entry
  return { nodeId: heartbeat.nodeId, incarnation: heartbeat.incarnation, lastHeartbeatAtMs, gapsMs }
}

/** The entry as the classification of progress wants it; a node that says nothing of its work has none. */
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
    ...(heardAtMs === undefined ? {} : { heardAtMs }),
    ...(completedAtMs === undefined ? {} : { completedAtMs }),
  }
}

/** Notes that a node fell silent. */
export function noteFall(entry: NodeEntry, nowMs: number): void {
  entry.fellAtMs = [...entry.fellAtMs, nowMs].slice(-FLAPS_MAX)
}

/** How often it fell silent lately. */
export function flapsOf(entry: NodeEntry, nowMs: number): number {
  return entry.fellAtMs.filter((atMs) => nowMs - atMs < FLAP_WINDOW_MS).length
}

/** Drained and done: such a node goes away by itself, its silence means nothing. */
export function hasLeft({ heartbeat }: NodeEntry): boolean {
  return heartbeat.draining && heartbeat.active === 0 && heartbeat.queued === 0
}
