/** How late the monitor itself is: a late observer takes the living for dead. */
export interface LagMeter {
  /** Notes that a tick began. */
  tick(nowMs: number): void
  /** The worst lateness of the last second, milliseconds. */
  worstMs(nowMs: number): number
}

/** A lag is held against the monitor this long: the heartbeats it held up are read by then. */
const MEMORY_MS = 1_000

/** Measures ticks that should come every `intervalMs`. */
export function createLagMeter(intervalMs: number): LagMeter {
  let lastTickAtMs: number | undefined
  let lags: { readonly atMs: number; readonly lagMs: number }[] = []
  return {
    tick(nowMs) {
      const lagMs = lastTickAtMs === undefined ? 0 : nowMs - lastTickAtMs - intervalMs
      lastTickAtMs = nowMs
      lags = lags.filter(({ atMs }) => nowMs - atMs <= MEMORY_MS)
      // Timers are late by a millisecond all the time; only what could matter is kept.
      if (lagMs > intervalMs) lags.push({ atMs: nowMs, lagMs })
    },
    worstMs(nowMs) {
      // Also the tick that is late at this moment counts.
      const dueMs = lastTickAtMs === undefined ? nowMs : lastTickAtMs + intervalMs
      return lags.reduce((worst, { lagMs }) => Math.max(worst, lagMs), Math.max(0, nowMs - dueMs))
    },
  }
}
