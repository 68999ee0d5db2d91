/**
 * Which of several monitors speaks: publishes snapshots, calls nodes stalled and asks them to drain.
 *
 * States: listening → speaking ⇄ silent. Invariants: every monitor gives verdicts, whoever speaks; of
 * those that hear each other the one with the least id speaks; one that hears nothing of those before
 * it for SPEAK_AFTER_MS speaks itself, so that two may speak for a moment and none for no longer.
 */
export interface Speaker {
  /** Another monitor has published a snapshot. */
  hear(monitorId: string): void
  speaks(): boolean
}

/** Three snapshots missed, milliseconds. */
const SPEAK_AFTER_MS = 1_500

/** Creates the speaker of this monitor. */
export function createSpeaker(monitorId: string, nowMs: () => number): Speaker {
  let heardAtMs = -Infinity
  return {
    hear(other) {
      if (other < monitorId) heardAtMs = nowMs()
    },
    speaks: () => nowMs() - heardAtMs > SPEAK_AFTER_MS,
  }
}
