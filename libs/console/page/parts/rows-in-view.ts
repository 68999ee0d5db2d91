/** The height of a row of a long table; `parts.css` has the same, pixels. */
export const ROW_PX = 28
/** Rows that are drawn above and below the view, so that scrolling shows no gap. */
const MARGIN_ROWS = 8

/** Returns the rows to draw: those in view and a few around them. */
export function rangeOf(
  topPx: number,
  heightPx: number,
  rows: number,
): { readonly from: number; readonly to: number } {
  const first = Math.floor(Math.max(0, topPx) / ROW_PX)
  const inView = Math.ceil(heightPx / ROW_PX)
  const to = Math.min(rows, first + inView + MARGIN_ROWS)
  // A list that became shorter than the position in it shows its end.
  const from = Math.max(0, Math.min(first, rows - inView) - MARGIN_ROWS)
  return { from, to: Math.max(from, to) }
}
