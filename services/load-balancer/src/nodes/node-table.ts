import { reservationOf, type Level, type NodeLoad } from '@agentfleet/domain'
import type { Heartbeat, Snapshot } from '@agentfleet/protocol'
import type { Ejection } from './ejection.ts'

/**
 * What the load balancer knows of the nodes, from heartbeats, Consul and the health monitor.
 *
 * Invariants: of two heartbeats of a node the one with the higher (incarnation, version) stands,
 * whichever connection brought it; a node that answered "nobody listens" gets nothing until it is
 * heard of again with a newer heartbeat; what is on its way to a node is counted from its placing until the
 * node has answered, with what it reserves.
 */
export interface NodeTable {
  heartbeat(heartbeat: Heartbeat): void
  /** The ids that Consul lists as passing. */
  passing(ids: readonly string[]): void
  snapshot(snapshot: Snapshot): void
  /** Nobody listens at this node. */
  unreachable(nodeId: string): void
  /** It has taken a dispatch and not answered: one fault of its own. */
  silent(nodeId: string): void
  /** It has refused tasks though its figures say that it has room. */
  balked(nodeId: string): void
  /** Tasks are on their way to a node (1), or it has answered for them (-1). */
  transit(nodeId: string, items: readonly Reserving[], sign: 1 | -1): void
  loads(): readonly KnownLoad[]
  /** Grows with every change. */
  version(): number
}

/** A task, as far as it reserves something of its node. */
export interface Reserving {
  readonly pointer: { readonly cpu: Level; readonly memory: Level }
}

/** A node's load; `gone`: nobody listens there, or it was declared dead. */
export type KnownLoad = NodeLoad & { readonly gone: boolean }

interface Entry {
  heartbeat: Heartbeat
  heartbeatAtMs: number
  /** Its start, its return, or its last change of incarnation, monotonic. */
  upSinceMs: number
  inTransit: number
  transitCpu: number
  transitMemory: number
  unreachable: boolean
  /** Gets nothing until then, monotonic. */
  restsUntilMs: number
}

type Opinion = Pick<Snapshot['nodes'][number], 'incarnation' | 'state'>

/** A node that has not been heard of for this long is forgotten, milliseconds. */
const FORGET_AFTER_MS = 60_000
/** An opinion of the monitor older than this is none, milliseconds. */
const SNAPSHOT_VALID_MS = 3_000
/** Between two tries with a node that says one thing and does another, milliseconds. */
const BALKED_MS = 250
const NOTHING_ON_ITS_WAY = { inTransit: 0, transitCpu: 0, transitMemory: 0 }

/** An empty table; `ejection` is told how the nodes' attempts ended. */
export function createNodeTable(
  clock: { readonly nowMs: () => number; readonly monotonicMs: () => number },
  ejection: Ejection,
): NodeTable {
  const { monotonicMs } = clock
  const nodes = new Map<string, Entry>()
  let passing = new Set<string>()
  let suspects = new Map<string, Opinion>()
  let snapshotAtMs = -Infinity
  let version = 0

  /** A newer heartbeat of a node that is known. */
  const renew = (entry: Entry, heartbeat: Heartbeat): void => {
    const before = entry.heartbeat
    const now = monotonicMs()
    if (heartbeat.incarnation > before.incarnation) {
      entry.upSinceMs = now
      ejection.restarted(heartbeat.nodeId)
    } else {
      const failed = (heartbeat.failedHere ?? 0) - (before.failedHere ?? 0)
      ejection.ran(
        heartbeat.nodeId,
        Math.max(0, heartbeat.completed - before.completed),
        Math.max(0, failed),
      )
    }
    if (entry.unreachable) entry.upSinceMs = now
    entry.unreachable = false
    entry.heartbeat = heartbeat
    entry.heartbeatAtMs = now
  }

  const unreachable = (nodeId: string): void => {
    version += 1
    const entry = nodes.get(nodeId)
    if (entry !== undefined) entry.unreachable = true
  }

  return {
    version: () => version,
    unreachable,
    silent(nodeId) {
      unreachable(nodeId)
      ejection.ran(nodeId, 0, 1)
    },
    heartbeat(heartbeat) {
      const known = nodes.get(heartbeat.nodeId)
      if (known === undefined) {
        version += 1
        const heartbeatAtMs = monotonicMs()
        // Whoever was there before this balancer is as warm as its process is old.
        const upSinceMs = heartbeatAtMs - Math.max(0, clock.nowMs() - heartbeat.startedAtMs)
        const fresh = { ...NOTHING_ON_ITS_WAY, unreachable: false, restsUntilMs: 0 }
        nodes.set(heartbeat.nodeId, { heartbeat, heartbeatAtMs, upSinceMs, ...fresh })
        return
      }
      if (heartbeat.incarnation < known.heartbeat.incarnation) return
      if (
        heartbeat.incarnation === known.heartbeat.incarnation &&
        heartbeat.version <= known.heartbeat.version
      )
        return
      version += 1
      renew(known, heartbeat)
    },
    passing(ids) {
      version += 1
      passing = new Set(ids)
    },
    snapshot(snapshot) {
      version += 1
      const now = monotonicMs()
      const before = suspects
      suspects = new Map()
      for (const { nodeId, incarnation, state } of snapshot.nodes) {
        if (state !== 'alive') suspects.set(nodeId, { incarnation, state })
        else if (hasReturned(before.get(nodeId))) {
          const entry = nodes.get(nodeId)
          if (entry !== undefined) entry.upSinceMs = now
        }
      }
      snapshotAtMs = now
    },
    balked(nodeId) {
      version += 1
      const entry = nodes.get(nodeId)
      if (entry !== undefined) entry.restsUntilMs = monotonicMs() + BALKED_MS
    },
    transit(nodeId, items, sign) {
      version += 1
      const entry = nodes.get(nodeId)
      if (entry === undefined) return
      const { slots } = entry.heartbeat
      for (const { pointer } of items) {
        entry.inTransit += sign
        entry.transitCpu += sign * reservationOf(pointer.cpu, slots)
        entry.transitMemory += sign * reservationOf(pointer.memory, slots)
      }
      // Where nothing is on its way nothing is reserved, whatever became of the node meanwhile.
      if (entry.inTransit <= 0) Object.assign(entry, NOTHING_ON_ITS_WAY)
    },
    loads() {
      const now = monotonicMs()
      const said = now - snapshotAtMs <= SNAPSHOT_VALID_MS ? suspects : undefined
      const loads: KnownLoad[] = []
      const able: string[] = []
      for (const [id, entry] of nodes) {
        if (now - entry.heartbeatAtMs > FORGET_AFTER_MS) {
          nodes.delete(id)
          ejection.gone(id)
          continue
        }
        const load = loadOf(id, entry, said?.get(id), passing.has(id), now)
        loads.push(load)
        if (load.passing && !load.suspect && !load.draining) able.push(id)
      }
      const ejected = ejection.ejected(able)
      if (ejected.size === 0) return loads
      return loads.map((load) => ({ ...load, ejected: ejected.get(load.id) }))
    },
  }
}

function loadOf(
  id: string,
  entry: Entry,
  said: Opinion | undefined,
  passing: boolean,
  now: number,
): KnownLoad {
  const { heartbeat, inTransit, transitCpu, transitMemory, unreachable } = entry
  const opinion = said !== undefined && said.incarnation >= heartbeat.incarnation ? said : undefined
  return {
    id,
    incarnation: heartbeat.incarnation,
    slots: heartbeat.slots,
    active: heartbeat.active,
    inTransit,
    transitCpu,
    transitMemory,
    reservedCpu: heartbeat.reservedCpu ?? heartbeat.active,
    reservedMemory: heartbeat.reservedMemory ?? heartbeat.active,
    cpu: heartbeat.cpu,
    memory: heartbeat.memory,
    lagMs: heartbeat.lagMs,
    responseMs: heartbeat.responseMs,
    draining: heartbeat.draining,
    // Suspect, stalled or dead: whatever the monitor does not call alive gets nothing.
    suspect: unreachable || opinion !== undefined || now < entry.restsUntilMs,
    gone: unreachable || opinion?.state === 'dead',
    passing,
    heartbeatAgeMs: now - entry.heartbeatAtMs,
    upMs: now - entry.upSinceMs,
  }
}

/** A suspicion is a late heartbeat and no more; who stood still or was dead proves itself again. */
function hasReturned(before: Opinion | undefined): boolean {
  return before !== undefined && before.state !== 'suspect'
}
