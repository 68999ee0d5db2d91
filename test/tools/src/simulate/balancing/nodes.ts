import {
  NONE_EJECTED,
  creditsOf,
  ejectedOf,
  fleetLimits,
  isEligible,
  nextEjections,
  PLACEMENT_LIMITS,
  reservationOf,
  type EjectionEvent,
  type NodeLoad,
  type PlacementLimits,
} from '@agentfleet/domain'
import type { VirtualClock } from './clock.ts'
import type { SimNode, SimTask, World } from './world.ts'

/**
 * One simulated load balancer's knowledge of the nodes, as in its node table. Invariant: of two messages of a
 * node the newer one counts; a node without a listener gets nothing until its next message.
 */
export interface NodeTable {
  hear(node: SimNode, said: Said): void
  unreachable(node: SimNode): void
  /** A task is on its way (1), or its dispatch was answered (-1). */
  transit(node: SimNode, task: SimTask, sign: 1 | -1): void
  /** A probe is on its way. */
  probed(nodeId: string): void
  /** The input of a round of placing; never older than the last change, nor than a few milliseconds. */
  now(): Seen
}

/** The nodes at one time, and the figures of all of them together. */
export interface Seen {
  readonly loads: readonly NodeLoad[]
  readonly limits: PlacementLimits
  /** Credits of all nodes. */
  readonly credits: number
}

/** A node's report about itself, at one time. */
export interface Said {
  readonly incarnation: number
  readonly version: number
  readonly active: number
  readonly units: number
  readonly responseMs: number
  readonly ok: number
  /** Failures of local origin. */
  readonly failed: number
}

interface Known {
  said: Said
  saidAtMs: number
  upSinceMs: number
  unreachable: boolean
  inTransit: number
  transitUnits: number
}

/** Heartbeats age, and leftover credits rotate, by themselves: far below either interval, milliseconds. */
const VALID_MS = 20
/** Leftover credits rotate at this interval, milliseconds. */
const TURN_MS = 1_000

/** Creates an empty table. */
export function createNodeTable(
  clock: VirtualClock,
  world: World,
  share: { readonly count: number; readonly index: number },
  random: () => number,
): NodeTable {
  const known = new Map<SimNode, Known>()
  let ejection = NONE_EJECTED
  let seen: Seen | undefined
  let seenAtMs = 0

  const step = (event: EjectionEvent): void => {
    ejection = nextEjections(ejection, event, clock.nowMs(), random)
  }
  const loads = (): NodeLoad[] => {
    const now = clock.nowMs()
    const able = [...known.keys()].filter((node) => world.listed(node)).map(({ id }) => id)
    const ejected = ejectedOf(ejection, able, now)
    return [...known].map(([node, entry]) => ({
      ...loadOf(node, entry, now),
      passing: world.listed(node),
      ejected: ejected.get(node.id),
    }))
  }
  const look = (): Seen => {
    const nodes = loads()
    const turn = Math.floor(clock.nowMs() / TURN_MS)
    const limits = fleetLimits(nodes, PLACEMENT_LIMITS, { ...share, turn })
    let credits = 0
    for (const node of nodes) if (isEligible(node, limits)) credits += creditsOf(node, limits)
    return { loads: nodes, limits, credits }
  }

  return {
    now() {
      if (seen === undefined || clock.nowMs() - seenAtMs > VALID_MS) {
        seen = look()
        seenAtMs = clock.nowMs()
      }
      return seen
    },
    hear(node, said) {
      seen = undefined
      const entry = known.get(node)
      const now = clock.nowMs()
      if (entry === undefined) {
        const fresh = { unreachable: false, inTransit: 0, transitUnits: 0 }
        // Nodes that existed before this balancer do not start slowly.
        known.set(node, { said, saidAtMs: now, upSinceMs: -Infinity, ...fresh })
        return
      }
      if (said.version <= entry.said.version) return
      if (said.incarnation > entry.said.incarnation) {
        entry.upSinceMs = now
        step({ kind: 'restarted', nodeId: node.id })
      } else {
        const ok = said.ok - entry.said.ok
        const failed = said.failed - entry.said.failed
        step({ kind: 'ran', nodeId: node.id, ok, failed })
      }
      Object.assign(entry, { said, saidAtMs: now, unreachable: false })
    },
    unreachable(node) {
      seen = undefined
      const entry = known.get(node)
      if (entry !== undefined) entry.unreachable = true
    },
    transit(node, task, sign) {
      seen = undefined
      const entry = known.get(node)
      if (entry === undefined) return
      entry.inTransit += sign
      entry.transitUnits += sign * reservationOf(task.cpu, node.slots)
    },
    probed(nodeId) {
      seen = undefined
      step({ kind: 'probe', nodeId })
    },
  }
}

function loadOf(node: SimNode, entry: Known, now: number): NodeLoad {
  return {
    id: node.id,
    incarnation: entry.said.incarnation,
    slots: node.slots,
    active: entry.said.active,
    inTransit: entry.inTransit,
    cpu: 0,
    memory: 0,
    lagMs: 0,
    responseMs: entry.said.responseMs,
    draining: false,
    suspect: entry.unreachable,
    passing: true,
    heartbeatAgeMs: now - entry.saidAtMs,
    upMs: now - entry.upSinceMs,
    reservedCpu: entry.said.units,
    transitCpu: entry.transitUnits,
  }
}
