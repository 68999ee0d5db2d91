import type { TaskLog } from '@agentfleet/adapters'
import type { Clock } from '@agentfleet/runtime'

/**
 * The time of the log: the clock of the server that stamps its events.
 *
 * All coordinators read the same clock, so a replica whose own wall clock is wrong ends no task early
 * and no wait late. Between two looks the monotonic clock of this process carries the time on.
 */
export interface LogClock {
  /** The time of the log; that of this process before the first look. */
  nowMs(): number
  /** Asks the server for its time. Throws `bus-unavailable`. */
  look(): Promise<void>
}

/** A clock that has not been set yet. */
export function createLogClock(deps: {
  readonly taskLog: Pick<TaskLog, 'fill'>
  readonly clock: Clock
}): LogClock {
  const { taskLog, clock } = deps
  let set: { readonly atMs: number; readonly monotonicMs: number } | undefined
  return {
    nowMs() {
      if (set === undefined) return clock.nowMs()
      return Math.floor(set.atMs + clock.monotonicMs() - set.monotonicMs)
    },
    async look() {
      const { atMs } = await taskLog.fill()
      set = { atMs, monotonicMs: clock.monotonicMs() }
    },
  }
}
