import { clockOffsetMs } from '@agentfleet/domain'
import type { Clock } from '@agentfleet/runtime'

/**
 * The time of the fleet on a node: the clock of the node, corrected by what coordinators say is the time of the log.
 *
 * Deadlines, budgets of time and the ends of pauses come from the log. A node whose clock is wrong would end its tasks
 * too early, or let them wait for the difference.
 */
export interface FleetClock extends Clock {
  /** Takes the time of the log from an answer for which the node waited so long, milliseconds. */
  heard(logAtMs: number, tookMs: number): void
  /** Whether a coordinator has said the time. */
  known(): boolean
}

/** Creates a clock that agrees with the clock of the node until it hears the time. */
export function createFleetClock(clock: Clock): FleetClock {
  let offsetMs = 0
  let known = false
  return {
    nowMs: () => clock.nowMs() + offsetMs,
    monotonicMs: () => clock.monotonicMs(),
    heard(logAtMs, tookMs) {
      offsetMs = clockOffsetMs({ nowMs: clock.nowMs(), tookMs, logAtMs })
      known = true
    },
    known: () => known,
  }
}
