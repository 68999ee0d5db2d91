/**
 * How often durations occurred, in classes whose bounds grow by a quarter of an octave: a quantile is at most 10 %
 * off, and a count takes a few numbers, however many durations it holds.
 */
export type Durations = Map<number, number>

const CLASSES_PER_OCTAVE = 4
/** Longer durations share the last class: 2^32 ms are 50 days. */
const CLASS_MAX = 32 * CLASSES_PER_OCTAVE

/** Counts one duration. */
export function addDuration(durations: Durations, ms: number): void {
  const octaves = ms <= 1 ? 0 : Math.log2(ms) * CLASSES_PER_OCTAVE
  const index = Math.min(CLASS_MAX, Math.round(octaves))
  durations.set(index, (durations.get(index) ?? 0) + 1)
}

/** Adds the second count to the first. */
export function mergeDurations(into: Durations, from: ReadonlyMap<number, number>): void {
  for (const [index, count] of from) into.set(index, (into.get(index) ?? 0) + count)
}

/** Returns the quantiles of all durations; undefined if there are none. */
export function quantilesOf(
  durations: ReadonlyMap<number, number>,
): { readonly count: number; readonly p50: number; readonly p99: number } | undefined {
  const classes = [...durations].sort(([a], [b]) => a - b)
  const count = classes.reduce((sum, [, each]) => sum + each, 0)
  if (count === 0) return undefined
  const at = (share: number): number => {
    let before = 0
    for (const [index, each] of classes) {
      before += each
      if (before >= share * count) return Math.round(2 ** (index / CLASSES_PER_OCTAVE))
    }
    return 0
  }
  return { count, p50: at(0.5), p99: at(0.99) }
}
