import {
  NONE_EJECTED,
  ejectedOf,
  keyHash,
  nextEjections,
  type EjectionEvent,
  type EjectionRecord,
} from '@agentfleet/domain'

/**
 * Which nodes are out of service for faults of their own, kept by `nextEjections`.
 *
 * Invariant: load balancers that hear the same figures come to the same end at the same time, as the
 * spread of an ejection follows from the node's name.
 */
export interface Ejection {
  /** Attempts that ended at a node since it was heard last: well, and by a fault of the node. */
  ran(nodeId: string, ok: number, failed: number): void
  /** A task went there that shows whether the node may come back. */
  probed(nodeId: string): void
  /** A new process or incarnation: it has done nothing wrong yet. */
  restarted(nodeId: string): void
  gone(nodeId: string): void
  /** The nodes that are out, and those due for a probe, of those that could otherwise take work. */
  ejected(nodeIds: readonly string[]): ReadonlyMap<string, 'out' | 'probe'>
}

/** A node was taken out of service, or is serving again. */
export interface EjectionChange {
  readonly nodeId: string
  readonly kind: 'eject' | 'restore'
  readonly ejection: EjectionRecord
  /** What was held against it before. */
  readonly before: EjectionRecord | undefined
}

const NOBODY: ReadonlyMap<string, 'out' | 'probe'> = new Map()
const HASHES = 2 ** 32

/** Trusts everybody so far; `changed` is told of each change. */
export function createEjection(
  monotonicMs: () => number,
  changed: (change: EjectionChange) => void,
): Ejection {
  let state = NONE_EJECTED

  const step = (event: EjectionEvent): void => {
    const { nodeId } = event
    const before = state.get(nodeId)
    state = nextEjections(state, event, monotonicMs(), () => keyHash(nodeId) / HASHES)
    const ejection = state.get(nodeId)
    if (ejection === undefined || (before?.state ?? 'serving') === ejection.state) return
    if (ejection.state === 'ejected') changed({ nodeId, kind: 'eject', ejection, before })
    if (ejection.state === 'serving') changed({ nodeId, kind: 'restore', ejection, before })
  }

  return {
    ran(nodeId, ok, failed) {
      // Most nodes never fail: of those nothing is kept.
      if (failed > 0 || state.has(nodeId)) step({ kind: 'ran', nodeId, ok, failed })
    },
    probed: (nodeId) => step({ kind: 'probe', nodeId }),
    restarted: (nodeId) => step({ kind: 'restarted', nodeId }),
    gone: (nodeId) => step({ kind: 'gone', nodeId }),
    ejected: (nodeIds) => (state.size === 0 ? NOBODY : ejectedOf(state, nodeIds, monotonicMs())),
  }
}
