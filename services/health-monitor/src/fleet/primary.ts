/**
 * Decides which of several monitors is primary. The primary monitor publishes snapshots, marks
 * nodes as stalled and asks them to drain.
 *
 * States: listening → primary ⇄ not primary. Invariants: every monitor declares nodes dead; among
 * monitors that hear each other, the one with the lowest id is primary; a monitor that hears no
 * lower id for PRIMARY_AFTER_MS becomes primary. For a moment two monitors may be primary, and for
 * at most PRIMARY_AFTER_MS no monitor is primary.
 */
export type Primary = ReturnType<typeof createPrimary>

/** Milliseconds; three missed snapshots. */
const PRIMARY_AFTER_MS = 1_500

/** Creates the role of this monitor. */
export function createPrimary(monitorId: string, nowMs: () => number) {
  let heardAtMs = -Infinity
  return {
    /** Records that another monitor has published a snapshot. */
    hear(other: string): void {
      if (other < monitorId) heardAtMs = nowMs()
    },
    isPrimary: () => nowMs() - heardAtMs > PRIMARY_AFTER_MS,
  }
}
