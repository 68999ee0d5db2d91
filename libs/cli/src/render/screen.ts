import { count } from '@agentfleet/domain'

/** A part of a view that is cut to fewer lines than this shows too little. */
const PART_MIN = 4

/**
 * The lines of a view that fit on a screen with this many rows; lines say how many others are left out. The parts
 * of a view, with an empty line between them, lose lines from the longest part first. `newestLast` keeps the
 * heading and the last lines.
 */
export function fitted(text: string, rows: number, newestLast = false): readonly string[] {
  const lines = text.split('\n')
  if (lines.length <= rows) return lines
  const parts = newestLast ? [lines] : text.split('\n\n').map((part) => part.split('\n'))
  const room = rows - (parts.length - 1)
  const most = longestOf(
    parts.map((part) => part.length),
    room,
  )
  // Many small parts, such as the paragraphs of a text: only their order counts.
  if (parts.length > 1 && most < PART_MIN) return cutLines(lines, rows, newestLast)
  return parts.flatMap((part, at) => [
    ...(at === 0 ? [] : ['']),
    ...cutLines(part, most, newestLast),
  ])
}

/** The highest number of lines for each part with which all parts together have at most `room` lines. */
function longestOf(lengths: readonly number[], room: number): number {
  const together = (most: number): number =>
    lengths.reduce((sum, length) => sum + Math.min(length, most), 0)
  let most = Math.max(0, ...lengths)
  while (most > 0 && together(most) > room) most -= 1
  return most
}

function cutLines(lines: readonly string[], most: number, newestLast: boolean): readonly string[] {
  if (lines.length <= most) return lines
  const [head = '', ...rows] = lines
  // One line is the heading, and one says how many are left out.
  const kept = Math.max(0, most - 2)
  const left = count(rows.length - kept)
  if (!newestLast) {
    return [head, ...rows.slice(0, kept), `… ${left} more lines do not fit on the screen`].slice(
      -most,
    )
  }
  const newest = kept === 0 ? [] : rows.slice(-kept)
  return [head, `… ${left} earlier lines do not fit on the screen`, ...newest].slice(-most)
}
