import type { Bus } from '@agentfleet/adapters'
import { freeCredits } from '@agentfleet/domain'
import { CHANNELS, type Snapshot, type Death } from '@agentfleet/protocol'

/** The fleet by the latest snapshot; a hint (L6): without one nothing is assumed. */
export interface FleetView {
  latest(): Snapshot | undefined
  credits(): number
  /** Living nodes but for one that is not to be counted; undefined without a snapshot. */
  alive(uncounted?: string): number | undefined
  /** What runs under the dead node's name by now. */
  successor(death: Death): Successor
  /** Resolves when a snapshot shows free credits, or after this long. */
  creditsWithin(waitMs: number): Promise<void>
  /** Called with each snapshot, until the view is closed. */
  onSnapshot(listener: (snapshot: Snapshot) => void): void
  close(): void
}

/** The same process again, a new one under its name, or nothing. */
export type Successor = 'resumed' | 'restarted' | 'none'

/** Follows the snapshots. */
export function followFleet(bus: Bus): FleetView {
  let latest: Snapshot | undefined
  const waiting = new Set<() => void>()
  const listeners = new Set<(snapshot: Snapshot) => void>()
  const credits = (): number => freeCredits(latest?.nodes ?? [])
  const subscription = bus.on(CHANNELS.snapshot, (snapshot) => {
    latest = snapshot
    if (credits() > 0) for (const wake of waiting) wake()
    for (const listener of listeners) listener(snapshot)
  })
  return {
    latest: () => latest,
    credits,
    alive: (uncounted) =>
      latest?.nodes.filter(({ nodeId, state }) => state !== 'dead' && nodeId !== uncounted).length,
    successor({ nodeId, incarnation, startedAtMs, reason }) {
      if (reason === 'restarted') return 'restarted'
      const node = latest?.nodes.find((known) => known.nodeId === nodeId)
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
    onSnapshot(listener) {
      listeners.add(listener)
    },
    close() {
      listeners.clear()
      subscription.close()
    },
  }
}
