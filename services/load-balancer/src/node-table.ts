import type { Beat, Snapshot } from '@agentfleet/protocol'
import type { NodeLoad } from '@agentfleet/domain'

/**
 * What the load balancer knows of the nodes, from beats, Consul and the health monitor.
 *
 * Invariants: of two beats of a node the one with the higher (incarnation, version) stands,
 * whichever connection brought it; a node that answered "nobody listens" gets nothing until it is
 * heard of again with a newer beat.
 */
export interface NodeTable {
  beat(beat: Beat): void
  /** The ids that Consul lists as passing. */
  passing(ids: readonly string[]): void
  snapshot(snapshot: Snapshot): void
  /** Nobody listens at this node. */
  unreachable(nodeId: string): void
  /** Counts tasks that are on their way to a node; negative when the node has answered. */
  transit(nodeId: string, count: number): void
  loads(): readonly KnownLoad[]
}

/** A node's load; `gone`: nobody listens there, or it was declared dead. */
export type KnownLoad = NodeLoad & { readonly gone: boolean }

interface Entry {
  beat: Beat
  beatAtMs: number
  inTransit: number
  unreachable: boolean
}

type Opinion = Pick<Snapshot['nodes'][number], 'incarnation' | 'state'>

/** A node that has not been heard of for this long is forgotten, milliseconds. */
const FORGET_AFTER_MS = 60_000
/** An opinion of the monitor older than this is none, milliseconds. */
const SNAPSHOT_VALID_MS = 3_000

/** An empty table. */
export function createNodeTable(monotonicMs: () => number): NodeTable {
  const nodes = new Map<string, Entry>()
  let passing = new Set<string>()
  let suspects = new Map<string, Opinion>()
  let snapshotAtMs = -Infinity

  const load = (id: string, entry: Entry, now: number): KnownLoad => {
    const { beat } = entry
    const said = now - snapshotAtMs <= SNAPSHOT_VALID_MS ? suspects.get(id) : undefined
    const opinion = said !== undefined && said.incarnation >= beat.incarnation ? said : undefined
    return {
      id,
      incarnation: beat.incarnation,
      slots: beat.slots,
      active: beat.active,
      inTransit: entry.inTransit,
      cpu: beat.cpu,
      memory: beat.memory,
      lagMs: beat.lagMs,
      responseMs: beat.responseMs,
      draining: beat.draining,
      suspect: entry.unreachable || opinion !== undefined,
      gone: entry.unreachable || opinion?.state === 'dead',
      passing: passing.has(id),
      beatAgeMs: now - entry.beatAtMs,
    }
  }

  return {
    beat(beat) {
      const known = nodes.get(beat.nodeId)
      if (known === undefined) {
        const entry = { beat, beatAtMs: monotonicMs(), inTransit: 0, unreachable: false }
        nodes.set(beat.nodeId, entry)
        return
      }
      if (beat.incarnation < known.beat.incarnation) return
      if (beat.incarnation === known.beat.incarnation && beat.version <= known.beat.version) return
      known.beat = beat
      known.beatAtMs = monotonicMs()
      known.unreachable = false
    },
    passing(ids) {
      passing = new Set(ids)
    },
    snapshot(snapshot) {
      snapshotAtMs = monotonicMs()
      suspects = new Map(
        snapshot.nodes.filter((node) => node.state !== 'alive').map((node) => [node.nodeId, node]),
      )
    },
    unreachable(nodeId) {
      const entry = nodes.get(nodeId)
      if (entry !== undefined) entry.unreachable = true
    },
    transit(nodeId, count) {
      const entry = nodes.get(nodeId)
      if (entry !== undefined) entry.inTransit = Math.max(0, entry.inTransit + count)
    },
    loads() {
      const now = monotonicMs()
      const loads: KnownLoad[] = []
      for (const [id, entry] of nodes) {
        if (now - entry.beatAtMs > FORGET_AFTER_MS) nodes.delete(id)
        else loads.push(load(id, entry, now))
      }
      return loads
    },
  }
}
