import { NODES_MAX, reservationOf, type Level, type NodeLoad } from '@agentfleet/domain'
import type { Heartbeat, Snapshot } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { Ejection } from './ejection.ts'

/** The state of the nodes. */
export type NodeTable = ReturnType<typeof createNodeTable>

/** The part of a task that reserves something of its node. */
interface Reserving {
  readonly pointer: { readonly cpu: Level; readonly memory: Level }
}

/** A node's load; `gone`: it has no listener or was declared dead. */
export type KnownLoad = NodeLoad & { readonly gone: boolean }

interface Entry {
  heartbeat: Heartbeat
  heartbeatAtMs: number
  /** Its start, its return, or its last change of incarnation, on the monotonic clock. */
  upSinceMs: number
  inTransit: number
  transitCpu: number
  transitMemory: number
  unreachable: boolean
  /** The node gets nothing before this time, on the monotonic clock. */
  restsUntilMs: number
}

type Opinion = Pick<Snapshot['nodes'][number], 'incarnation' | 'state'>

/** Milliseconds without a heartbeat after which a node is removed. */
const FORGET_AFTER_MS = 60_000
/** Milliseconds; an older snapshot of the monitor no longer counts. */
const SNAPSHOT_VALID_MS = 3_000
/** Milliseconds until a node that refused although it showed room is tried again. */
const BALKED_MS = 250
const NOTHING_ON_ITS_WAY = { inTransit: 0, transitCpu: 0, transitMemory: 0 }

/**
 * The state of the nodes as the load balancer knows it from heartbeats, Consul and the health monitor; `ejection`
 * receives the outcomes of the nodes' attempts.
 *
 * Invariants: of two heartbeats of a node, the one with the higher (incarnation, version) counts, also if
 * it arrives first; a node without a listener gets nothing until a newer heartbeat arrives;
 * a task on its way to a node counts with its reservation from its placement until the node has
 * answered; the table ignores further nodes when it has NODES_MAX.
 */
export function createNodeTable(clock: Clock, ejection: Ejection) {
  const { monotonicMs } = clock
  const nodes = new Map<string, Entry>()
  let passing = new Set<string>()
  const opinions = createOpinions(monotonicMs)
  let version = 0

  const unreachable = (nodeId: string): void => {
    version += 1
    const entry = nodes.get(nodeId)
    if (entry !== undefined) entry.unreachable = true
  }

  return {
    /** Returns a number that grows with every change. */
    version: () => version,
    /** Records that the node has no listener. */
    unreachable,
    /** Records that the node took a dispatch and did not answer: a fault of the node. */
    silent(nodeId: string): void {
      unreachable(nodeId)
      ejection.ran(nodeId, 0, 1)
    },
    heartbeat(heartbeat: Heartbeat): void {
      const known = nodes.get(heartbeat.nodeId)
      if (known === undefined) {
        if (nodes.size >= NODES_MAX) return
        version += 1
        nodes.set(heartbeat.nodeId, entryOf(heartbeat, clock))
        return
      }
      if (!isNewer(heartbeat, known.heartbeat)) return
      version += 1
      renew(known, heartbeat, monotonicMs(), ejection)
    },
    /** Sets the ids that Consul lists as passing. */
    passing(ids: readonly string[]): void {
      version += 1
      passing = new Set(ids)
    },
    snapshot(snapshot: Snapshot): void {
      version += 1
      for (const nodeId of opinions.returned(snapshot)) {
        const entry = nodes.get(nodeId)
        if (entry !== undefined) entry.upSinceMs = monotonicMs()
      }
    },
    /** Records that the node refused tasks although its figures show room. */
    balked(nodeId: string): void {
      version += 1
      const entry = nodes.get(nodeId)
      if (entry !== undefined) entry.restsUntilMs = monotonicMs() + BALKED_MS
    },
    /** Adds tasks on their way to a node (1), or removes them after its answer (-1). */
    transit(nodeId: string, items: readonly Reserving[], sign: 1 | -1): void {
      version += 1
      const entry = nodes.get(nodeId)
      if (entry !== undefined) reserve(entry, items, sign)
    },
    /**
     * Returns the time on the clock of the node: that of its last heartbeat, and the time since it arrived. It is never
     * ahead, because a heartbeat takes time. Undefined: no heartbeat of the node says it.
     */
    timeOf(nodeId: string): number | undefined {
      const entry = nodes.get(nodeId)
      if (entry?.heartbeat.atMs === undefined) return undefined
      return entry.heartbeat.atMs + Math.floor(monotonicMs() - entry.heartbeatAtMs)
    },
    loads: () => knownLoads(nodes, opinions.valid(), passing, ejection, monotonicMs()),
  }
}

/** Creates the entry of a node that was unknown. */
function entryOf(heartbeat: Heartbeat, clock: Clock): Entry {
  const heartbeatAtMs = clock.monotonicMs()
  // A node that started before this load balancer counts as up since its own start, by the node's own clock.
  const { atMs = clock.nowMs(), startedAtMs } = heartbeat
  const upSinceMs = heartbeatAtMs - Math.max(0, atMs - startedAtMs)
  const fresh = { ...NOTHING_ON_ITS_WAY, unreachable: false, restsUntilMs: 0 }
  return { heartbeat, heartbeatAtMs, upSinceMs, ...fresh }
}

function isNewer(heartbeat: Heartbeat, known: Heartbeat): boolean {
  if (heartbeat.incarnation !== known.incarnation) return heartbeat.incarnation > known.incarnation
  return heartbeat.version > known.version
}

/** Applies a newer heartbeat of a known node. */
function renew(entry: Entry, heartbeat: Heartbeat, now: number, ejection: Ejection): void {
  const before = entry.heartbeat
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

/** Adds what these tasks reserve while they are on their way, or removes it (-1). */
function reserve(entry: Entry, items: readonly Reserving[], sign: 1 | -1): void {
  const { slots } = entry.heartbeat
  for (const { pointer } of items) {
    entry.inTransit += sign
    entry.transitCpu += sign * reservationOf(pointer.cpu, slots)
    entry.transitMemory += sign * reservationOf(pointer.memory, slots)
  }
  // Without tasks on their way nothing is reserved, whatever happened to the node meanwhile.
  if (entry.inTransit <= 0) Object.assign(entry, NOTHING_ON_ITS_WAY)
}

/** Returns the loads of all nodes, and forgets nodes that have been silent for long. */
function knownLoads(
  nodes: Map<string, Entry>,
  said: ReadonlyMap<string, Opinion> | undefined,
  passing: ReadonlySet<string>,
  ejection: Ejection,
  now: number,
): readonly KnownLoad[] {
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
    // A node that the monitor calls suspect, stalled or dead gets no tasks.
    suspect: unreachable || opinion !== undefined || now < entry.restsUntilMs,
    gone: unreachable || opinion?.state === 'dead',
    passing,
    heartbeatAgeMs: now - entry.heartbeatAtMs,
    upMs: now - entry.upSinceMs,
    ejected: undefined,
  }
}

/** Creates what the health monitor says about nodes that are not alive. */
function createOpinions(monotonicMs: () => number) {
  let suspects = new Map<string, Opinion>()
  let snapshotAtMs = -Infinity
  return {
    /** Takes over a snapshot and returns the nodes that have returned. */
    returned(snapshot: Snapshot): string[] {
      const before = suspects
      suspects = new Map()
      const returned: string[] = []
      for (const { nodeId, incarnation, state } of snapshot.nodes) {
        if (state !== 'alive') suspects.set(nodeId, { incarnation, state })
        else if (hasReturned(before.get(nodeId))) returned.push(nodeId)
      }
      snapshotAtMs = monotonicMs()
      return returned
    },
    valid: () => (monotonicMs() - snapshotAtMs <= SNAPSHOT_VALID_MS ? suspects : undefined),
  }
}

/** Whether the node must prove itself again. After `suspect` it need not: that was only a late heartbeat. */
function hasReturned(before: Opinion | undefined): boolean {
  return before !== undefined && before.state !== 'suspect'
}
