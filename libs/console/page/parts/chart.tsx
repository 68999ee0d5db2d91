import { count } from '@agentfleet/domain'
import { instant } from '../format/format.ts'
import { zone } from '../shell/zone.ts'
import { lineOf, type Point } from './line.ts'

const WIDTH = 300
const HEIGHT = 60

/** One series over the last hour. Its figures are in the title and in the text for screen readers. */
export function Chart({
  title,
  points,
  write = count,
}: {
  title: string
  points: readonly Point[]
  write?: (value: number) => string
}) {
  const { path, max } = lineOf(points, WIDTH, HEIGHT)
  const last = points.at(-1)
  const [first] = points
  // A line needs at least two points.
  if (last === undefined || first === undefined || points.length < 2) return null
  const words = `${title}: now ${write(last.value)}, at most ${write(max)} since ${instant(first.atMs, zone.value)}.`
  return (
    <figure class="chart">
      <figcaption>
        {title} <span class="muted">max {write(max)}</span>
      </figcaption>
      <svg
        viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words}
      >
        <path d={path} />
      </svg>
    </figure>
  )
}
