import { toneOf, type Paint, type Tone } from './paint.ts'
import { cut, oneLine, widthOf } from './text.ts'

/** One cell: its text, and the meaning that a colour supports. */
export type Cell = string | { readonly text: string; readonly tone: Tone }

/** A state, or a text that begins with it, in the colour of the state. */
export function stateCell(state: string, text = state): Cell {
  return { text, tone: toneOf(state) }
}

/** One column; the last column takes the room that the other columns leave. */
export interface Column {
  readonly name: string
  readonly align?: 'left' | 'right'
  /**
   * In a narrow terminal the columns with the highest number leave first; columns without a number stay. If no
   * column has a number, all but the first and the last leave, the later ones first.
   */
  readonly leaves?: number
}

/** A column whose texts end on the right. */
export function right(name: string, more: Pick<Column, 'leaves'> = {}): Column {
  return { name, align: 'right', ...more }
}

/** How the output looks. */
export interface Look {
  readonly paint: Paint
  /** Columns of the terminal; undefined, if the output is not a terminal, leaves every cell whole. */
  readonly columns: number | undefined
}

const GAP = '  '
/** The last column keeps at least this, even in a narrow terminal. */
const LAST_MIN = 12

/**
 * Rows below their headings, or the word "None." if there are none; in a narrower terminal, the fields of each
 * row are on lines below each other. A name alone stands for a column whose texts begin on the left.
 */
export function table(
  headings: readonly (string | Column)[],
  rows: readonly (readonly Cell[])[],
  look: Look,
): string {
  if (rows.length === 0) return 'None.'
  const { paint, columns: room } = look
  const allColumns = headings.map((each): Column =>
    typeof each === 'string' ? { name: each } : each,
  )
  const all = rows.map((row) => row.map(cellOf))
  const allWidths = allColumns.map(({ name }, at) =>
    all.reduce((most, row) => Math.max(most, widthOf(row[at]?.text ?? '')), widthOf(name)),
  )
  const kept = fitting(allColumns, allWidths, room)
  if (kept === undefined) return cards(allColumns, all, look)
  const columns = kept.flatMap((at) => allColumns[at] ?? [])
  const cells = all.map((row) => kept.flatMap((at) => row[at] ?? []))
  const widths = kept.map((at) => allWidths[at] ?? 0)
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

/** Items as rows: each column has its heading and makes the cell of an item. */
export function listing<T>(
  items: readonly T[],
  look: Look,
  columns: readonly (readonly [heading: string | Column, cell: (item: T) => Cell])[],
): string {
  const headings = columns.map(([heading]) => heading)
  const rows = items.map((item) => columns.map(([, cell]) => cell(item)))
  return table(headings, rows, look)
}

/** The positions of the columns that fit; undefined: not even those that must stay. */
function fitting(
  columns: readonly Column[],
  widths: readonly number[],
  room = Infinity,
): readonly number[] | undefined {
  let kept = columns.map((_column, at) => at)
  const inOrder = columns.every(({ leaves }) => leaves === undefined)
  const rank = (at: number): number => {
    if (!inOrder) return columns[at]?.leaves ?? 0
    return at === columns.length - 1 ? 0 : at
  }
  for (;;) {
    const needed = kept.reduce((sum, at, index) => {
      const width = widths[at] ?? 0
      return sum + (index === kept.length - 1 ? Math.min(width, LAST_MIN) : width + GAP.length)
    }, 0)
    if (needed <= room) return kept
    const first = Math.max(...kept.map(rank))
    if (first <= 0) return undefined
    kept = kept.filter((at) => rank(at) !== first)
  }
}

/** Each row as its fields, with an empty line between two rows; all but the first, an id, are cut to the terminal. */
function cards(
  columns: readonly Column[],
  rows: readonly (readonly { readonly text: string; readonly tone: Tone }[])[],
  look: Look,
): string {
  const names = Math.max(0, ...columns.map(({ name }) => widthOf(name)))
  const room = Math.max(1, (look.columns ?? Infinity) - names - GAP.length)
  const blocks = rows.map((row) =>
    fields(
      row.map(({ text, tone }, at) => [
        columns[at]?.name ?? '',
        { text: at === 0 ? text : cut(text, room), tone },
      ]),
      look,
    ),
  )
  return blocks.join('\n\n')
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
