/** The height of a row of a long table; `parts.css` has the same, pixels. */
export const ROW_PX = 28
/** Rows that are drawn above and below the view, so that scrolling shows no gap, pixels. */
const MARGIN_PX = 8 * ROW_PX

/** The column without a width is at least this wide, pixels. */
const FLEXIBLE_MIN_PX = 110
/** The column in which rows are selected, pixels. */
export const PICK_PX = 36
/** Values of a card stand next to each other if each has this width, pixels. */
const VALUE_PX = 240
/** A line of a card, and the space around its lines; `parts.css` has the same, pixels. */
const CARD_LINE_PX = 22
const CARD_SPACE_PX = 13

/** How a long table draws a row. */
export interface RowShape {
  readonly rowPx: number
  /** Values next to each other in a card; undefined if rows are not cards. */
  readonly across: number | undefined
}

/**
 * Returns the shape of the rows in a table of this width: a card each, if not all columns have room next to
 * each other. Every card has the same height, so that a list can be long.
 */
export function shapeOf(
  columns: readonly { readonly kind?: string; readonly width?: number }[],
  widthPx: number,
  picks = false,
): RowShape {
  const leastPx = columns.reduce(
    (sum, { width = FLEXIBLE_MIN_PX }) => sum + width,
    picks ? PICK_PX : 0,
  )
  // Before the first layout the width is not known.
  if (widthPx === 0 || widthPx >= leastPx) return { rowPx: ROW_PX, across: undefined }
  const across = Math.max(1, Math.floor(widthPx / VALUE_PX))
  // The name of the row and each wide value have a separate line.
  const [, ...others] = columns
  const wide = others.filter(({ kind }) => kind === 'wide').length
  const lines = 1 + wide + Math.ceil((others.length - wide) / across)
  return { rowPx: lines * CARD_LINE_PX + CARD_SPACE_PX, across }
}

/** Returns the rows to draw: those in view and a few around them. */
export function rangeOf(
  topPx: number,
  heightPx: number,
  rows: number,
  rowPx = ROW_PX,
): { readonly from: number; readonly to: number } {
  const first = Math.floor(Math.max(0, topPx) / rowPx)
  const inView = Math.ceil(heightPx / rowPx)
  const margin = Math.ceil(MARGIN_PX / rowPx)
  const to = Math.min(rows, first + inView + margin)
  // A list that became shorter than the position in it shows its end.
  const from = Math.max(0, Math.min(first, rows - inView) - margin)
  return { from, to: Math.max(from, to) }
}
