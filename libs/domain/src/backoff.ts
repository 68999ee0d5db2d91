/** Bounds of a growing delay. */
export interface BackoffLimits {
  readonly baseMs: number
  readonly capMs: number
}

/** Between attempts of a task: long enough to relieve an overloaded provider, short enough for a user. */
export const TASK_BACKOFF: BackoffLimits = { baseMs: 500, capMs: 60_000 }

/** A retry is never due at once, so that the failed attempt's ack reaches the queue before it. */
const DELAY_MIN_MS = 100

/**
 * Delay before attempt number `failures + 1`, exponential with full jitter, in milliseconds. Source:
 * "Exponential Backoff And Jitter", AWS Architecture Blog.
 */
export function backoffDelayMs(failures: number, limits: BackoffLimits, random: () => number) {
  const ceiling = Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(failures - 1, 30))
  return Math.max(DELAY_MIN_MS, Math.round(random() * ceiling))
}
