import type { Bus } from '@agentfleet/adapters'
import { MINUTE_MS } from '@agentfleet/domain'
import { CHANNELS, type History, type Totals } from '@agentfleet/protocol'

/**
 * The totals of the last hour: every ten seconds for ten minutes, every minute before that.
 *
 * Invariants: the oldest come first; they cover at most an hour; a new monitor adopts what another
 * monitor remembers, so the history outlives each monitor.
 */
export type TotalsHistory = ReturnType<typeof createHistory>

/** Milliseconds for which every step is kept. */
const FINE_MS = 600_000
/** Milliseconds for which one step of each minute is kept. */
const COARSE_MS = 3_600_000

/** Creates an empty history. */
export function createHistory(bus: Bus, monitorId: string) {
  let entries: readonly Totals[] = []
  return {
    /** Records the present totals and publishes the history. */
    note(totals: Totals): void {
      entries = thin([...entries, totals], totals.atMs)
      bus.send(CHANNELS.history, { monitorId, totals: [...entries] })
    },
    /** Merges the history of another monitor. */
    hear(history: History): Totals | undefined {
      if (history.monitorId === monitorId) return undefined
      entries = takeOver(entries, history.totals)
      return history.totals.at(-1)
    },
  }
}

/** Keeps the recent totals and the last of each earlier minute; drops those older than an hour. */
export function thin<T extends { readonly atMs: number }>(
  entries: readonly T[],
  nowMs: number,
): readonly T[] {
  return entries.filter(({ atMs }, index) => {
    if (nowMs - atMs >= COARSE_MS) return false
    if (nowMs - atMs < FINE_MS) return true
    const next = entries[index + 1]
    return next === undefined || minuteOf(next.atMs) !== minuteOf(atMs)
  })
}

function minuteOf(atMs: number): number {
  return Math.floor(atMs / MINUTE_MS)
}

/** Keeps the longer history and adds what this monitor recorded after it. */
export function takeOver<T extends { readonly atMs: number }>(
  own: readonly T[],
  theirs: readonly T[],
): readonly T[] {
  const [first] = own
  const [theirFirst] = theirs
  const theirLast = theirs.at(-1)
  if (theirFirst === undefined || theirLast === undefined) return own
  if (first !== undefined && first.atMs <= theirFirst.atMs) return own
  return [...theirs, ...own.filter(({ atMs }) => atMs > theirLast.atMs)]
}
