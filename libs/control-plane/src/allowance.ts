/** The size of a burst, and the time after which one more may pass. */
export interface AllowanceLimits {
  readonly burst: number
  readonly oneEveryMs: number
}

/** A bucket that refills by itself: bursts pass, and a lasting stream passes at a bounded rate. */
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
