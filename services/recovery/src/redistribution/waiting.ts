import { setTimeout as pause } from 'node:timers/promises'

/** The reasons for which a wait may be cut short. */
export const CUT = {
  /** Close the incident with what is known, because too many are being watched. */
  closeEarly: 'closeEarly',
  /** Leave the incident; another process continues. */
  stopped: 'stopped',
} as const

/** Whether the signal was aborted for this reason. */
export function isCut(signal: AbortSignal, why: keyof typeof CUT): boolean {
  return signal.aborted && signal.reason === CUT[why]
}

/** How to wait for a condition. */
export interface Wait {
  readonly withinMs: number
  readonly everyMs: number
  readonly signal: AbortSignal
}

/** Checks the condition repeatedly; resolves when it holds, the time is over or the signal is aborted. */
export async function pauseUntil(
  holds: () => boolean | Promise<boolean>,
  { withinMs, everyMs, signal }: Wait,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    const leftMs = deadline - performance.now()
    if (leftMs <= 0 || signal.aborted) return
    // It throws only if the signal is aborted.
    await pause(Math.min(everyMs, leftMs), undefined, { signal }).catch(() => undefined)
  }
}
