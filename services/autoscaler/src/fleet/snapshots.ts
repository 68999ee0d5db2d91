import type { Bus } from '@agentfleet/adapters'
import { CHANNELS, type Snapshot } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'

/** The latest snapshot, as long as it is fresh (L6). */
export interface Snapshots {
  /** Undefined when there is none, or only an old one. */
  latest(): Snapshot | undefined
  /** When the latest one came, by the clock of this process. */
  receivedAtMs(): number
  close(): void
}

/** Ten snapshots missed: the monitor is away, milliseconds. */
const FRESH_MS = 5_000

/** Follows the snapshots. */
export function followSnapshots(bus: Bus, clock: Clock): Snapshots {
  let last: { snapshot: Snapshot; receivedAtMs: number; monotonicMs: number } | undefined
  const subscription = bus.on(CHANNELS.snapshot, (snapshot) => {
    last = { snapshot, receivedAtMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
  })
  return {
    latest() {
      const fresh = last !== undefined && clock.monotonicMs() - last.monotonicMs <= FRESH_MS
      return fresh ? last?.snapshot : undefined
    },
    receivedAtMs: () => last?.receivedAtMs ?? 0,
    close: () => subscription.close(),
  }
}

/** Whether a snapshot also knows the backlog: figures that are missing must not shrink a fleet. */
export function isComplete(snapshot: Snapshot | undefined): snapshot is Snapshot {
  const readAtMs = snapshot?.backlogAtMs
  return snapshot !== undefined && readAtMs !== undefined && snapshot.atMs - readAtMs <= FRESH_MS
}
