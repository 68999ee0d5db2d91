import type { TaskLog } from '@agentfleet/adapters'
import type { Clock } from '@agentfleet/runtime'

/**
 * The time of the log: the clock of the NATS server that timestamps its events.
 *
 * All coordinators read the same clock, so a replica with a wrong wall clock ends no task early and
 * no wait late. Between two readings the monotonic clock of the process advances the time.
 */
export interface LogClock {
  /** Returns the time of the log, or of this process before the first reading. */
  nowMs(): number
  /** Returns the time of the log; undefined before the first reading. */
  readMs(): number | undefined
  /** Reads the server's time. Throws `bus-unavailable`. */
  look(): Promise<void>
}

/** Creates a clock that has no reading yet. */
export function createLogClock(deps: {
  readonly taskLog: Pick<TaskLog, 'fill'>
  readonly clock: Clock
}): LogClock {
  const { taskLog, clock } = deps
  let set: { readonly atMs: number; readonly monotonicMs: number } | undefined
  const readMs = (): number | undefined =>
    set && Math.floor(set.atMs + clock.monotonicMs() - set.monotonicMs)
  return {
    nowMs: () => readMs() ?? clock.nowMs(),
    readMs,
    async look() {
      const { atMs } = await taskLog.fill()
      set = { atMs, monotonicMs: clock.monotonicMs() }
    },
  }
}
