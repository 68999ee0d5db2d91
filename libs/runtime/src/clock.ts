/** The two clocks of a service: the wall clock for points in time, the monotonic one for durations. */
export interface Clock {
  /** Milliseconds since the epoch; may jump when the machine's clock is set. */
  nowMs(): number
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number
}

/** A clock for tests that moves only when `advance` is called. */
export interface ManualClock extends Clock {
  /** Moves both times forward. */
  advance(ms: number): void
}

/** The clock of this process. */
export const systemClock: Clock = Object.freeze({
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
})

/** A clock for tests that starts at the given epoch time, with its monotonic time at zero. */
export function manualClock(startAtMs = 0): ManualClock {
  let elapsedMs = 0
  return {
    nowMs: () => startAtMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    advance(ms) {
      // Durations are differences everywhere; a clock that runs back would hide bugs.
      if (!(ms >= 0)) throw new RangeError(`a clock cannot advance by ${ms} ms`)
      elapsedMs += ms
    },
  }
}
