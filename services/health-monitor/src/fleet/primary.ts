/**
 * Which of several monitors is primary: it publishes snapshots, calls nodes stalled and asks them to drain.
 *
 * States: listening → primary ⇄ not primary. Invariants: every monitor declares nodes dead; of
 * those that hear each other the one with the least id is primary; one that hears nothing of those before
 * it for PRIMARY_AFTER_MS becomes primary, so that two may be primary for a moment, and none is for no longer.
 */
export interface Primary {
  /** Another monitor has published a snapshot. */
  hear(monitorId: string): void
  isPrimary(): boolean
}

/** Three snapshots missed, milliseconds. */
const PRIMARY_AFTER_MS = 1_500

/** Creates the primary of this monitor. */
export function createPrimary(monitorId: string, nowMs: () => number): Primary {
  let heardAtMs = -Infinity
  return {
    hear(other) {
      if (other < monitorId) heardAtMs = nowMs()
    },
    isPrimary: () => nowMs() - heardAtMs > PRIMARY_AFTER_MS,
  }
}
