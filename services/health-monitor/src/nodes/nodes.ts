import {
  admitBeat,
  expectsProgress,
  GAP_MAX_MS,
  PROGRESS_LIMITS,
  type BeatDecision,
  type Beats,
  type LivenessState,
  type NodeWork,
} from '@agentfleet/domain'
import type { Beat } from '@agentfleet/protocol'

/**
 * What is known of every node, by its latest beat.
 *
 * States of an entry: alive ⇄ suspect → dead → (a higher incarnation) alive; apart from that it may
 * be marked as stalled. Invariants: of one node only its latest (incarnation, version) counts; all
 * instants are of the monotonic clock; at most NODES_MAX entries.
 */
export interface NodeEntry {
  beat: Beat
  lastBeatAtMs: number
  gapsMs: number[]
  state: LivenessState
  phi: number
  /** When the last judgement of it began. */
  judgedAtMs?: number
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
  /** Takes a beat in; `replaced` is the beat of a process that a new one has taken the place of. */
  hear(beat: Beat, nowMs: number): { readonly decision: BeatDecision; readonly replaced?: Beat }
  get(nodeId: string): NodeEntry | undefined
  all(): Iterable<NodeEntry>
  size(): number
  forget(nodeId: string): void
}

/** Gaps remembered of each node: 25 s of beats. */
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
    hear(beat, nowMs) {
      const entry = nodes.get(beat.nodeId)
      const known = entry && { ...entry.beat, dead: entry.state === 'dead' }
      const decision = admitBeat(known, beat)
      if (decision.kind === 'ignore') return { decision }
      if (entry === undefined && nodes.size >= NODES_MAX) {
        return { decision: { kind: 'ignore', reason: 'older' } }
      }
      if (entry !== undefined && decision.reason === 'newer') {
        const gapMs = nowMs - entry.lastBeatAtMs
        if (gapMs <= GAP_MAX_MS) entry.gapsMs.push(gapMs)
        if (entry.gapsMs.length > GAPS_MAX) entry.gapsMs.shift()
        noteWork(entry, beat, nowMs)
        entry.beat = beat
        entry.lastBeatAtMs = nowMs
        return { decision }
      }
      nodes.set(beat.nodeId, createEntry(beat, nowMs, entry?.fellAtMs ?? []))
      return decision.kind === 'restarted' && entry !== undefined && !hasLeft(entry)
        ? { decision, replaced: entry.beat }
        : { decision }
    },
    get: (nodeId) => nodes.get(nodeId),
    all: () => nodes.values(),
    size: () => nodes.size,
    forget: (nodeId) => void nodes.delete(nodeId),
  }
}

function createEntry(beat: Beat, nowMs: number, fellAtMs: number[]): NodeEntry {
  return {
    beat,
    lastBeatAtMs: nowMs,
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

/** What moved between two beats of one process. */
function noteWork(entry: NodeEntry, beat: Beat, nowMs: number): void {
  const { work, completed } = entry.beat
  if (beat.work !== undefined && work !== undefined && beat.work.heard > work.heard) {
    entry.heardAtMs = nowMs
  }
  if (beat.completed > completed) entry.completedAtMs = nowMs
  // A silence is no standstill: what happened meanwhile is not known.
  const silent = nowMs - entry.lastBeatAtMs > GAP_MAX_MS
  if (silent || !isDue(beat)) entry.dueSinceMs = nowMs
}

function isDue({ active, work }: Beat): boolean {
  return work !== undefined && expectsProgress({ active, ...work }, PROGRESS_LIMITS)
}

/** The entry as the classification of liveness wants it. */
export function beatsOf(entry: NodeEntry): Beats {
  const { beat, lastBeatAtMs, gapsMs } = entry
  return { nodeId: beat.nodeId, incarnation: beat.incarnation, lastBeatAtMs, gapsMs }
}

/** The entry as the classification of progress wants it; a node that says nothing of its work has none. */
export function workOf(entry: NodeEntry): NodeWork | undefined {
  const { beat, heardAtMs, completedAtMs } = entry
  if (beat.work === undefined) return undefined
  const { nodeId, active, responseMs } = beat
  return {
    nodeId,
    active,
    responseMs,
    ...beat.work,
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
export function hasLeft({ beat }: NodeEntry): boolean {
  return beat.draining && beat.active === 0 && beat.queued === 0
}
