import type { TaskLog } from '@agentfleet/adapters'
import { SKEW_TOLERATED_MS } from '@agentfleet/domain'
import type { Clock } from '@agentfleet/runtime'

/** The time of the log. */
export type LogClock = ReturnType<typeof createLogClock>

/**
 * A reading that took longer may be that old, because a process or the server was paused meanwhile, milliseconds. A
 * clock that is behind hides that a dispatch is late, and the answers of its task would be paid twice.
 */
const READ_WITHIN_MS = SKEW_TOLERATED_MS

/**
 * The time of the log: the clock of the NATS server that timestamps its events. At first there is no reading.
 *
 * All coordinators read the same clock, so a replica with a wrong wall clock ends no task early and
 * no wait late. Between two readings the monotonic clock of the process advances the time. A reading during which a
 * process was paused replaces no exact one.
 */
export function createLogClock(deps: {
  readonly taskLog: Pick<TaskLog, 'fill'>
  readonly clock: Clock
}) {
  const { taskLog, clock } = deps
  let set:
    | { readonly atMs: number; readonly monotonicMs: number; readonly exact: boolean }
    | undefined
  const sinceSetMs = (): number | undefined =>
    set && Math.floor(set.atMs + clock.monotonicMs() - set.monotonicMs)
  return {
    /** Returns the time of the log, or of this process before the first reading. */
    nowMs: () => sinceSetMs() ?? clock.nowMs(),
    /** Returns the time of the log; undefined before the first reading that is known to be exact. */
    readMs: () => (set?.exact === true ? sinceSetMs() : undefined),
    /** Reads the server's time. Throws `bus-unavailable`. */
    async look(): Promise<void> {
      const askedAtMs = clock.monotonicMs()
      const { atMs } = await taskLog.fill()
      const monotonicMs = clock.monotonicMs()
      const exact = monotonicMs - askedAtMs <= READ_WITHIN_MS
      if (exact || set?.exact !== true) set = { atMs, monotonicMs, exact }
    },
  }
}
