/** A point of a chart: a time and a value. */
export interface Point {
  readonly atMs: number
  readonly value: number
}

/** The drawing of a series in a box: an SVG path, and the largest value. */
export interface Line {
  readonly path: string
  readonly max: number
}

/** A gap longer than this between two points is left open: there was no measurement, milliseconds. */
const GAP_MS = 150_000

/** Draws a series of points, oldest first, into a box; a line is interrupted where measurements are missing. */
export function lineOf(points: readonly Point[], width: number, height: number): Line {
  const [first] = points
  const last = points.at(-1)
  const max = points.reduce((most, { value }) => Math.max(most, value), 0)
  if (first === undefined || last === undefined) return { path: '', max }
  const spanMs = Math.max(1, last.atMs - first.atMs)
  const steps = points.map(({ atMs, value }, index) => {
    const before = points[index - 1]
    const x = ((atMs - first.atMs) / spanMs) * width
    const y = height - (max === 0 ? 0 : value / max) * height
    const joined = before !== undefined && atMs - before.atMs <= GAP_MS
    return `${joined ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`
  })
  return { path: steps.join(''), max }
}

/** Returns how much a counter grew a second between each two points; a counter that restarted gives none. */
export function ratesOf(points: readonly Point[]): readonly Point[] {
  return points.slice(1).flatMap(({ atMs, value }, index) => {
    const before = points[index]
    if (before === undefined || value < before.value || atMs <= before.atMs) return []
    return [{ atMs, value: ((value - before.value) * 1_000) / (atMs - before.atMs) }]
  })
}
