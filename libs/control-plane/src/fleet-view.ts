import type { Bus } from '@agentfleet/adapters'
import { CHANNELS, type Snapshot } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'

/** The fleet by the latest snapshot of the primary monitor; a hint (L6): without one nothing is assumed. */
export interface FleetView {
  /** The latest snapshot, however old. */
  latest(): Snapshot | undefined
  /** The latest snapshot unless it is too old to act upon. */
  fresh(): Snapshot | undefined
  /** When the latest snapshot arrived, by the wall clock of this process; 0: none has arrived. */
  receivedAtMs(): number
  /** Calls the listener with each snapshot, until the view is closed. */
  onSnapshot(listener: (snapshot: Snapshot) => void): void
  close(): void
}

/** Ten snapshots are missing: the monitor is unavailable, milliseconds. */
export const FRESH_MS = 5_000

/** Follows the snapshots. */
export function followFleet(bus: Bus, clock: Clock): FleetView {
  let last: { snapshot: Snapshot; receivedAtMs: number; monotonicMs: number } | undefined
  const listeners = new Set<(snapshot: Snapshot) => void>()
  const subscription = bus.on(CHANNELS.snapshot, (snapshot) => {
    last = { snapshot, receivedAtMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
    for (const listener of listeners) listener(snapshot)
  })
  return {
    latest: () => last?.snapshot,
    fresh: () =>
      last !== undefined && clock.monotonicMs() - last.monotonicMs <= FRESH_MS
        ? last.snapshot
        : undefined,
    receivedAtMs: () => last?.receivedAtMs ?? 0,
    onSnapshot: (listener) => void listeners.add(listener),
    close() {
      listeners.clear()
      subscription.close()
    },
  }
}
