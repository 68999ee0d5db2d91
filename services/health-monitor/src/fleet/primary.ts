/**
 * Which of several monitors isPrimary: publishes snapshots, calls nodes stalled and asks them to drain.
 *
 * States: listening → speaking ⇄ silent. Invariants: every monitor gives deaths, whoever isPrimary; of
 * those that hear each other the one with the least id isPrimary; one that hears nothing of those before
 * it for PRIMARY_AFTER_MS isPrimary itself, so that two may speak for a moment and none for no longer.
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
