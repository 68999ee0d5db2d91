import { ack, type Bus } from '@agentfleet/adapters'
import type { Runs } from './runs.ts'

/**
 * Renews the leases of what runs. Invariants: a run is renewed once in an interval, at a moment of its
 * own, so that thousands taken together are not renewed together; a doubtful run is not renewed
 * before the coordinator has confirmed it (L4), and then at once if it is due.
 */
export interface Renewals {
  /** When a run taken now is renewed first. */
  firstAtMs(nowMs: number): number
  /** Renews what is due; called a few times a second. */
  sweep(nowMs: number): void
}

/** Renews at this interval over this connection; times are monotonic. */
export function createRenewals(
  bus: Bus,
  runs: Runs,
  intervalMs: number,
  random: () => number,
): Renewals {
  return {
    firstAtMs: (nowMs) => nowMs + intervalMs * (0.5 + 0.5 * random()),
    sweep(nowMs) {
      // What is published while the bus is away is lost.
      if (!bus.connected()) return
      for (const run of runs.all()) {
        if (nowMs < run.renewAtMs || run.doubtful || run.ackSubject === undefined) continue
        ack.renew(bus, run.ackSubject)
        run.renewAtMs = nowMs + intervalMs
      }
    },
  }
}
