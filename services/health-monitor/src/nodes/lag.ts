/** Milliseconds for which a delay counts; by then the monitor has read the heartbeats that it delayed. */
const MEMORY_MS = 1_000

/**
 * Measures how late the monitor itself is, because a late monitor takes live nodes for dead ones; ticks are due every
 * `intervalMs`.
 */
export function createLagMeter(intervalMs: number) {
  let lastTickAtMs: number | undefined
  let lags: { readonly atMs: number; readonly lagMs: number }[] = []
  return {
    /** Records that a tick began. */
    tick(nowMs: number): void {
      const lagMs = lastTickAtMs === undefined ? 0 : nowMs - lastTickAtMs - intervalMs
      lastTickAtMs = nowMs
      lags = lags.filter(({ atMs }) => nowMs - atMs <= MEMORY_MS)
      // Timers are always late by about a millisecond; only a relevant delay is kept.
      if (lagMs > intervalMs) lags.push({ atMs: nowMs, lagMs })
    },
    /** Returns the largest delay of the last second in milliseconds. */
    worstMs(nowMs: number): number {
      // A tick that is overdue now counts too.
      const dueMs = lastTickAtMs === undefined ? nowMs : lastTickAtMs + intervalMs
      return lags.reduce((worst, { lagMs }) => Math.max(worst, lagMs), Math.max(0, nowMs - dueMs))
    },
  }
}
