/** Measures how late the monitor itself is, because a late monitor takes live nodes for dead ones. */
export interface LagMeter {
  /** Records that a tick began. */
  tick(nowMs: number): void
  /** Returns the largest delay of the last second in milliseconds. */
  worstMs(nowMs: number): number
}

/** Milliseconds for which a delay counts; by then the monitor has read the heartbeats that it delayed. */
const MEMORY_MS = 1_000

/** Creates a meter for ticks that are due every `intervalMs`. */
export function createLagMeter(intervalMs: number): LagMeter {
  let lastTickAtMs: number | undefined
  let lags: { readonly atMs: number; readonly lagMs: number }[] = []
  return {
    tick(nowMs) {
      const lagMs = lastTickAtMs === undefined ? 0 : nowMs - lastTickAtMs - intervalMs
      lastTickAtMs = nowMs
      lags = lags.filter(({ atMs }) => nowMs - atMs <= MEMORY_MS)
      // Timers are always late by about a millisecond; only a relevant delay is kept.
      if (lagMs > intervalMs) lags.push({ atMs: nowMs, lagMs })
    },
    worstMs(nowMs) {
      // A tick that is overdue now counts too.
      const dueMs = lastTickAtMs === undefined ? nowMs : lastTickAtMs + intervalMs
      return lags.reduce((worst, { lagMs }) => Math.max(worst, lagMs), Math.max(0, nowMs - dueMs))
    },
  }
}
