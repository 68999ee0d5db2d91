/** A process that lived this long was healthy: its end is a new fault, milliseconds. */
const HEALTHY_MS = 10_000
/** Pause before a restart: short for one crash, long for a process that cannot live, milliseconds. */
const RESTART_MIN_MS = 100
const RESTART_MAX_MS = 5_000

/** Pause before the next start of a process that lived so long; `lastMs` was the pause before it, 0 at first. */
export function restartPauseMs(livedMs: number, lastMs: number): number {
  if (livedMs > HEALTHY_MS) return RESTART_MIN_MS
  return Math.min(RESTART_MAX_MS, Math.max(RESTART_MIN_MS, lastMs * 2))
}
