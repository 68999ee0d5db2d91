import type { Signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { cellOf, type Column, type TableProps } from './table.tsx'
import { PICK_PX, rangeOf, ROW_PX, shapeOf } from './rows-in-view.ts'

/** The lines above and below a table, pixels. */
const BORDERS_PX = 2

/** A column of a long table; its width is fixed, so that scrolling moves nothing sideways. */
export interface WideColumn<Row> extends Column<Row> {
  /** Pixels; the column without a width takes the rest. */
  readonly width?: number
}

/** Rows of a table: an array, or parts of a list that is too long to be copied. */
export interface Rows<Row> {
  readonly length: number
  slice(from: number, to: number): readonly Row[]
}

/** What a long table shows, and what it tells its view. */
export interface VirtualTableProps<Row> extends Pick<TableProps<Row>, 'caption' | 'keyOf'> {
  readonly columns: readonly WideColumn<Row>[]
  readonly rows: Rows<Row>
  /** Whether `rows` has the whole list. */
  readonly complete?: boolean
  readonly picked?: { readonly keys: ReadonlySet<string>; readonly toggle: (key: string) => void }
  /** Keys of rows that are no longer current. */
  readonly dimmed?: ReadonlySet<string>
  /** Learns which rows are in view. */
  readonly seen?: (first: number, last: number) => void
  /** Where the reader has scrolled to, pixels: the table begins there. */
  readonly top?: Signal<number>
}

/**
 * A table of any length in which only the rows in view are elements. Rows have one height and never wrap; in a narrow
 * table each row is a card.
 */
export function VirtualTable<Row>({
  caption,
  columns,
  rows,
  keyOf,
  complete = true,
  picked,
  dimmed,
  seen,
  top,
}: VirtualTableProps<Row>) {
  const { box, view, look } = useView(top)
  const { rowPx, across } = shapeOf(columns, view.width, picked !== undefined)
  const headPx = across === undefined ? ROW_PX : 0
  const { from, to } = rangeOf(view.top, view.height, rows.length, rowPx)
  useEffect(() => seen?.(from, to), [from, to, rows.length])
  return (
    <div
      ref={box}
      class="scroll tall"
      tabIndex={0}
      role="region"
      aria-label={caption}
      style={{ height: `min(var(--tall), ${rows.length * rowPx + headPx + BORDERS_PX}px)` }}
      onScroll={look}
    >
      <div
        style={{
          height: `${rows.length * rowPx + headPx}px`,
          paddingTop: `${from * rowPx}px`,
          ...(across === undefined ? {} : { '--across': across, '--row': `${rowPx}px` }),
        }}
      >
        <table
          class={across === undefined ? 'rows' : 'rows stacked'}
          aria-rowcount={complete ? rows.length + 1 : -1}
        >
          <caption class="quiet">{caption}</caption>
          <Head columns={columns} picked={picked !== undefined} />
          <tbody>
            {rows.slice(from, to).map((row, index) => {
              const key = keyOf(row)
              return (
                <Line
                  key={key}
                  name={key}
                  row={row}
                  at={from + index}
                  columns={columns}
                  picked={picked?.keys.has(key)}
                  toggle={picked?.toggle}
                  dimmed={dimmed?.has(key) ?? false}
                />
              )
            })}
          </tbody>
        </table>
      </div>
    </div>
  )
}

/** Which part of a box is in view, pixels; `top` keeps where the reader has scrolled to. */
function useView(top: Signal<number> | undefined) {
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 0, width: 0 })
  const look = () => {
    if (box.current === null) return
    const { scrollTop, clientHeight, clientWidth } = box.current
    if (top !== undefined) top.value = scrollTop
    setView((before) =>
      before.top === scrollTop && before.height === clientHeight && before.width === clientWidth
        ? before
        : { top: scrollTop, height: clientHeight, width: clientWidth },
    )
  }
  const start = useRef(top?.peek() ?? 0)
  useLayoutEffect(() => {
    look()
    const sizes = new ResizeObserver(look)
    if (box.current !== null) sizes.observe(box.current)
    return () => sizes.disconnect()
  }, [])
  useLayoutEffect(() => {
    // Before the first layout the height of the rows is not known.
    if (view.width === 0 || box.current === null || start.current === 0) return
    box.current.scrollTop = start.current
    start.current = 0
  }, [view.width])
  return { box, view, look }
}

/** One row. It is drawn again only if it changes, not with each change of its view. */
function Line<Row>({
  name,
  row,
  at,
  columns,
  picked,
  toggle,
  dimmed,
}: {
  name: string
  row: Row
  at: number
  columns: readonly WideColumn<Row>[]
  /** Undefined: rows cannot be selected. */
  picked: boolean | undefined
  toggle: ((key: string) => void) | undefined
  dimmed: boolean
}) {
  const toggled = useRef(toggle)
  toggled.current = toggle
  return useMemo(
    () => (
      <tr
        aria-rowindex={at + 2}
        class={[picked && 'picked', dimmed && 'gone'].filter(Boolean).join(' ') || undefined}
      >
        {picked !== undefined && (
          <td>
            <input
              type="checkbox"
              aria-label={`Select ${name}`}
              checked={picked}
              onChange={() => toggled.current?.(name)}
            />
          </td>
        )}
        {columns.map((column, place) => cellOf(column, row, place === 0))}
      </tr>
    ),
    [row, at, columns, picked, dimmed],
  )
}

function Head<Row>({ columns, picked }: { columns: readonly WideColumn<Row>[]; picked: boolean }) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        {picked && (
          <td style={{ width: `${PICK_PX}px` }}>
            <span class="quiet">Select</span>
          </td>
        )}
        {columns.map(({ title, kind, width }) => (
          <th
            key={title}
            scope="col"
            class={kind}
            style={width === undefined ? {} : { width: `${width}px` }}
          >
            {title}
          </th>
        ))}
      </tr>
    </thead>
  )
}
