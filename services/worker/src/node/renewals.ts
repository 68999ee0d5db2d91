import type { Bus, PointerAcks } from '@agentfleet/adapters'
import type { Runs } from './runs.ts'

/**
 * Creates the renewals of the leases of the runs with this interval; times are monotonic. Invariants: each run is
 * renewed once in an interval at its own moment, so that thousands accepted together are not renewed together; a
 * doubtful run is renewed only after the coordinator has confirmed it (L4), and then at once if it is due.
 */
export function createRenewals(
  bus: Pick<Bus, 'connected'>,
  acks: PointerAcks,
  runs: Runs,
  intervalMs: number,
  random: () => number,
) {
  return {
    /** Returns the first renewal time of a run accepted now. */
    firstAtMs: (nowMs: number) => nowMs + intervalMs * (0.5 + 0.5 * random()),
    /** Renews the runs that are due; called a few times a second. */
    sweep(nowMs: number): void {
      // A message published while the bus is disconnected is lost.
      if (!bus.connected()) return
      for (const run of runs.all()) {
        if (nowMs < run.renewAtMs || run.doubtful || run.ackSubject === undefined) continue
        acks.renew(run.ackSubject)
        run.renewAtMs = nowMs + intervalMs
      }
    },
  }
}
