import type { Paint, Tone } from './paint.ts'
import { cut, oneLine, widthOf } from './text.ts'

/** One cell: its text, and the meaning that a colour supports. */
export type Cell = string | { readonly text: string; readonly tone: Tone }

/** One column; the last column takes the room that the other columns leave. */
export interface Column {
  readonly name: string
  readonly align?: 'left' | 'right'
}

/** How the output looks. */
export interface Look {
  readonly paint: Paint
  /** Columns of the terminal; undefined leaves every cell whole. */
  readonly columns: number | undefined
}

const GAP = '  '
/** The last column keeps at least this, even in a narrow terminal. */
const LAST_MIN = 12

/** Rows below their headings. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { paint, columns: room }: Look,
): string {
  const cells = rows.map((row) => row.map(cellOf))
  const widths = columns.map(({ name }, at) =>
    Math.max(widthOf(name), ...cells.map((row) => widthOf(row[at]?.text ?? ''))),
  )
  const last = columns.length - 1
  if (room !== undefined) {
    const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP.length, 0)
    widths[last] = Math.min(widths[last] ?? 0, Math.max(LAST_MIN, room - before))
  }
  const line = (row: readonly { readonly text: string; readonly tone: Tone }[]): string =>
    row
      .map(({ text, tone }, at) => {
        const width = widths[at] ?? 0
        const shown = cut(text, width)
        const pad = ' '.repeat(Math.max(0, width - widthOf(shown)))
        if (columns[at]?.align === 'right') return pad + paint(shown, tone)
        return paint(shown, tone) + (at === last ? '' : pad)
      })
      .join(GAP)
      .trimEnd()
  const head = columns.map(({ name }) => ({ text: name, tone: 'dim' as const }))
  return [head, ...cells].map(line).join('\n')
}

/** Names and values, one a line; a value that is undefined leaves its line out. */
export function fields(
  rows: readonly (readonly [name: string, value: Cell | undefined])[],
  { paint }: Look,
): string {
  const present = rows.filter((row): row is readonly [string, Cell] => row[1] !== undefined)
  const width = Math.max(0, ...present.map(([name]) => widthOf(name)))
  return present
    .map(([name, value]) => {
      const { text, tone } = cellOf(value)
      return `${paint(name.padEnd(width), 'dim')}${GAP}${paint(text, tone)}`
    })
    .join('\n')
}

function cellOf(cell: Cell): { readonly text: string; readonly tone: Tone } {
  if (typeof cell === 'string') return { text: oneLine(cell), tone: 'plain' }
  return { text: oneLine(cell.text), tone: cell.tone }
}
