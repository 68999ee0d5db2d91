import {
  NONE_EJECTED,
  ejectedOf,
  keyHash,
  nextEjections,
  type EjectionEvent,
  type EjectionRecord,
} from '@agentfleet/domain'

/** Which nodes are ejected. */
export type Ejection = ReturnType<typeof createEjection>

/** A node was ejected, or its ejection ended. */
export interface EjectionChange {
  readonly nodeId: string
  readonly kind: 'eject' | 'restore'
  readonly ejection: EjectionRecord
  /** The record of the node before the change. */
  readonly before: EjectionRecord | undefined
}

const NOBODY: ReadonlyMap<string, 'out' | 'probe'> = new Map()
const HASHES = 2 ** 32

/**
 * Which nodes are ejected for faults of the node itself, as `nextEjections` decides; `changed` receives each change.
 *
 * Invariant: load balancers that receive the same figures reach the same result at the same time,
 * because the jitter of an ejection follows from the node's name.
 */
export function createEjection(
  monotonicMs: () => number,
  changed: (change: EjectionChange) => void,
) {
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
    /** Records attempts that ended at a node since its last heartbeat: completed, and failed by a fault of the node. */
    ran(nodeId: string, ok: number, failed: number): void {
      // Most nodes never fail, and nothing is kept for them.
      if (failed > 0 || state.has(nodeId)) step({ kind: 'ran', nodeId, ok, failed })
    },
    /** Records that a task went to the node as a probe. */
    probed: (nodeId: string) => step({ kind: 'probe', nodeId }),
    /** Clears the record of a node with a new process or incarnation. */
    restarted: (nodeId: string) => step({ kind: 'restarted', nodeId }),
    gone: (nodeId: string) => step({ kind: 'gone', nodeId }),
    /** Returns the ejected nodes and those due for a probe, among nodes that could otherwise take work. */
    ejected: (nodeIds: readonly string[]) =>
      state.size === 0 ? NOBODY : ejectedOf(state, nodeIds, monotonicMs()),
  }
}
