import { askToDrain, type Bus } from '@agentfleet/adapters'
import type { Snapshot } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'

/**
 * Keeps nodes in quarantine unused: it asks each to drain when a snapshot shows it. A draining node
 * says so in its heartbeats, and no load balancer gives it tasks.
 *
 * Invariants: any replica may ask any number of times, because a node begins a drain once; one
 * replica asks a node at most once in ASK_INTERVAL_MS.
 */
export type Quarantine = ReturnType<typeof createQuarantine>

const ASK_INTERVAL_MS = 2_000

/** Creates the quarantine; `ends` has the nodes in quarantine. */
export function createQuarantine(deps: {
  readonly bus: Bus
  readonly clock: Clock
  readonly log: Logger
  readonly ends: () => ReadonlyMap<string, number>
}) {
  const { bus, clock, log } = deps
  const askedAtMs = new Map<string, number>()

  /** Asks one node; resolves to true if it answered. */
  const drain = async (nodeId: string): Promise<boolean> => {
    askedAtMs.set(nodeId, clock.monotonicMs())
    const answered = await askToDrain(bus, nodeId)
    if (answered) log.warn({ nodeId }, 'Recovery has asked a node in quarantine to drain')
    return answered
  }

  return {
    drain,
    /** Asks the nodes of the snapshot that are in quarantine and do not drain. */
    enforce({ nodes }: Snapshot): void {
      const ends = deps.ends()
      for (const nodeId of askedAtMs.keys()) if (!ends.has(nodeId)) askedAtMs.delete(nodeId)
      for (const { nodeId, state, draining } of ends.size === 0 ? [] : nodes) {
        if (!ends.has(nodeId) || state === 'dead' || draining) continue
        const sinceMs = clock.monotonicMs() - (askedAtMs.get(nodeId) ?? -Infinity)
        if (sinceMs >= ASK_INTERVAL_MS) void drain(nodeId)
      }
    },
  }
}
