import {
  admitBeat,
  GAP_MAX_MS,
  type BeatDecision,
  type Beats,
  type NodeState,
} from '@agentfleet/domain'
import type { Beat } from '@agentfleet/protocol'

/**
 * What is known of every node, by its latest beat.
 *
 * States of an entry: alive ⇄ suspect → dead → (a higher incarnation) alive. Invariants: of one node
 * only its latest (incarnation, version) counts; all instants are of the monotonic clock; at most
 * NODES_MAX entries.
 */
export interface NodeEntry {
  beat: Beat
  lastBeatAtMs: number
  gapsMs: number[]
  state: NodeState
  /** When the last judgement of it began. */
  judgedAtMs?: number
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
        entry.beat = beat
        entry.lastBeatAtMs = nowMs
        return { decision }
      }
      nodes.set(beat.nodeId, { beat, lastBeatAtMs: nowMs, gapsMs: [], state: 'alive' })
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

/** The entry as the classification wants it. */
export function beatsOf(entry: NodeEntry): Beats {
  const { beat, lastBeatAtMs, gapsMs } = entry
  return { nodeId: beat.nodeId, incarnation: beat.incarnation, lastBeatAtMs, gapsMs }
}

/** Drained and done: such a node goes away by itself, its silence means nothing. */
export function hasLeft({ beat }: NodeEntry): boolean {
  return beat.draining && beat.active === 0 && beat.queued === 0
}
