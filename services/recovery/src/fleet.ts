import type { FleetView } from '@agentfleet/control-plane'
import { freeCredits } from '@agentfleet/domain'
import type { Death, Snapshot } from '@agentfleet/protocol'

/** The parts of the fleet view that recovery reads; without a snapshot it assumes nothing (L6). */
export interface Fleet {
  latest(): Snapshot | undefined
  credits(): number
  /** Returns the number of living nodes except the uncounted one; undefined without a snapshot. */
  alive(uncounted?: string): number | undefined
  /** Returns which process now runs under the dead node's name. */
  successor(death: Death): Successor
  /** Resolves when a snapshot shows free credits, or after this time. */
  creditsWithin(waitMs: number): Promise<void>
}

/** The same process continues, a new process has the name, or no process has it. */
type Successor = 'resumed' | 'restarted' | 'none'

/** Creates a reader of this view. */
export function readFleet({ latest, onSnapshot }: FleetView): Fleet {
  const waiting = new Set<() => void>()
  const credits = (): number => freeCredits(latest()?.nodes ?? [])
  onSnapshot(() => {
    if (credits() > 0) for (const wake of waiting) wake()
  })
  return {
    latest,
    credits,
    alive: (uncounted) =>
      latest()?.nodes.filter(({ nodeId, state }) => state !== 'dead' && nodeId !== uncounted)
        .length,
    successor({ nodeId, incarnation, startedAtMs, reason }) {
      if (reason === 'restarted') return 'restarted'
      const node = latest()?.nodes.find((known) => known.nodeId === nodeId)
      if (node === undefined || node.state === 'dead' || node.incarnation <= incarnation) {
        return 'none'
      }
      return node.startedAtMs === startedAtMs ? 'resumed' : 'restarted'
    },
    creditsWithin(waitMs) {
      return new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, waitMs)
        waiting.add(wake)
      })
    },
  }
}
