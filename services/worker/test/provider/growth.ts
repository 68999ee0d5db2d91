/** Measures how the time of a reader grows with the length of what it reads. */

/** Processor time below which the growth does not matter, milliseconds. */
const FREE_MS = 60
/** The time for the long text, milliseconds; readers that are linear take a tenth of it. */
const LONG_MAX_MS = 2_000
/** The time for a text that is so short that a linear reader takes a few milliseconds. */
const PROBE_MAX_MS = 250
/** 4 where the time is linear, 16 where it is quadratic. */
const RATIO_MAX = 9
/** A first look that finds less is right, no matter what else ran meanwhile. */
const RATIO_CLEAR = 6
const RUNS = 3

/** Says how the time of `run` grows from a length to four times the length: at most linear, or its figures. */
export function growthOf(run: (length: number) => void, length: number): string {
  // A cubic reader would never end at the full length.
  const tiny = Math.ceil(length / 16)
  const probe = timeOf(run, tiny)
  if (probe > PROBE_MAX_MS && timeOf(run, tiny) > PROBE_MAX_MS)
    return `${tiny}: ${probe.toFixed(0)} ms`
  const long = timeOf(run, 4 * length)
  if (long < FREE_MS) return LINEAR
  if (long < LONG_MAX_MS && long < RATIO_CLEAR * timeOf(run, length)) return LINEAR
  const [shortest, longest] = [length, 4 * length].map((each) => bestOf(run, each))
  return longest! < FREE_MS || (longest! < LONG_MAX_MS && longest! < RATIO_MAX * shortest!)
    ? LINEAR
    : `${length}: ${shortest!.toFixed(0)} ms, ${4 * length}: ${longest!.toFixed(0)} ms`
}

export const LINEAR = 'at most linear'

function bestOf(run: (length: number) => void, length: number): number {
  let best = Infinity
  for (let tries = 0; tries < RUNS && best > FREE_MS; tries += 1) {
    best = Math.min(best, timeOf(run, length))
    if (best > LONG_MAX_MS) return best
  }
  return best
}

function timeOf(run: (length: number) => void, length: number): number {
  const before = process.cpuUsage()
  run(length)
  return process.cpuUsage(before).user / 1_000
}
