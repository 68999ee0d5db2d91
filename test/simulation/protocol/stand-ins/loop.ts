import type { LoopOptions } from '../../../../libs/runtime/src/loop.ts'
import type { Service } from '../../../../libs/runtime/src/index.ts'

/**
 * Loops without the product's time limits, which would cost more than the loops of an idle fleet themselves;
 * shorter periods are lengthened to this, milliseconds.
 */
const PERIOD_MIN_MS = 400
/** Loops that no task waits for. */
const ASIDE: ReadonlySet<string> = new Set([
  'schedules',
  'usage',
  'trim',
  'log-fill',
  'log-reading',
  'schedules-reading',
])
const ASIDE_PERIOD_MS = 5_000

/**
 * Runs at once when started, then at the interval; runs never overlap, an error ends only its run. A TypeError ends the
 * simulation: a stand-in lacks what the product calls.
 */
export function every(
  intervalMs: number,
  { log, name }: LoopOptions,
  run: (signal: AbortSignal) => Promise<void>,
): Service {
  const { signal } = new AbortController()
  const periodMs = Math.max(ASIDE.has(name) ? ASIDE_PERIOD_MS : PERIOD_MIN_MS, intervalMs)
  const turn = (): void => {
    run(signal)
      .catch((error: unknown) => {
        if (error instanceof TypeError) throw error
        log.error({ err: error, loop: name }, 'A run failed')
      })
      .finally(() => setTimeout(turn, periodMs))
  }
  return { start: async () => turn(), drain: () => Promise.resolve() }
}
