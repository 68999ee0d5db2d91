/** How many may pass in a burst, and after how long another one may. */
export interface AllowanceLimits {
  readonly burst: number
  readonly oneEveryMs: number
}

/** A bucket that fills by itself: bursts pass, and what lasts passes at a bounded rate. */
export function createAllowance({ burst, oneEveryMs }: AllowanceLimits, monotonicMs: () => number) {
  let left = burst
  let filledAtMs = monotonicMs()
  return {
    /** Takes one; false when none is left. */
    take(): boolean {
      const now = monotonicMs()
      left = Math.min(burst, left + (now - filledAtMs) / oneEveryMs)
      filledAtMs = now
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}
