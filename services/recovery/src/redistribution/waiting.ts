/** Why something that is waited for may be cut short. */
export const CUT = {
  /** End it with what is known: there are too many to follow. */
  closeEarly: 'closeEarly',
  /** Leave it as it is, another process goes on. */
  stopped: 'stopped',
} as const

/** Whether it was cut short for this reason. */
export function isCut(signal: AbortSignal, why: keyof typeof CUT): boolean {
  return signal.aborted && signal.reason === CUT[why]
}

/** How a condition is waited for. */
export interface Wait {
  readonly withinMs: number
  readonly everyMs: number
  readonly signal: AbortSignal
}

/** Looks again and again; resolves when it holds, when the time is over, or when it is aborted. */
export async function pauseUntil(
  holds: () => boolean | Promise<boolean>,
  { withinMs, everyMs, signal }: Wait,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    const leftMs = deadline - performance.now()
    if (leftMs <= 0 || signal.aborted) return
    await pause(Math.min(everyMs, leftMs), signal)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
