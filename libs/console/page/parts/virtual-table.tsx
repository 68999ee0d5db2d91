import type { ComponentChildren } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Column } from './table.tsx'
import { rangeOf, ROW_PX } from './rows-in-view.ts'

/** A column of a long table; its width is fixed, so that scrolling moves nothing sideways. */
export interface WideColumn<Row> extends Column<Row> {
  /** Pixels; the column without a width takes the rest. */
  readonly width?: number
}

/** The column without a width is at least this wide, pixels. */
const FLEXIBLE_MIN_PX = 96

/** Rows of a table: an array, or parts of a list that is too long to be copied. */
export interface Rows<Row> {
  readonly length: number
  slice(from: number, to: number): readonly Row[]
}

/** A table of any length in which only the rows in view are elements. Rows have one height and never wrap. */
export function VirtualTable<Row>({
  caption,
  columns,
  rows,
  keyOf,
  complete,
  picked,
  dimmed,
  seen,
}: {
  caption: string
  columns: readonly WideColumn<Row>[]
  rows: Rows<Row>
  keyOf: (row: Row) => string
  /** Whether `rows` has the whole list. */
  complete: boolean
  picked?: { readonly keys: ReadonlySet<string>; readonly toggle: (key: string) => void }
  /** Keys of rows that are no longer current. */
  dimmed?: ReadonlySet<string>
  /** Learns which rows are in view. */
  seen?: (first: number, last: number) => void
}) {
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ top: 0, height: 0 })
  const look = () => {
    const { scrollTop = 0, clientHeight = 0 } = box.current ?? {}
    setView((before) =>
      before.top === scrollTop && before.height === clientHeight
        ? before
        : { top: scrollTop, height: clientHeight },
    )
  }
  useEffect(() => {
    look()
    const sizes = new ResizeObserver(look)
    if (box.current !== null) sizes.observe(box.current)
    return () => sizes.disconnect()
  }, [])
  const { from, to } = rangeOf(view.top, view.height, rows.length)
  useEffect(() => seen?.(from, to), [from, to, rows.length])
  return (
    <div
      ref={box}
      class="scroll tall"
      tabIndex={0}
      role="region"
      aria-label={caption}
      style={{ height: `min(var(--tall), ${(rows.length + 2) * ROW_PX}px)` }}
      onScroll={look}
    >
      <div
        style={{
          height: `${(rows.length + 1) * ROW_PX}px`,
          paddingTop: `${from * ROW_PX}px`,
          minWidth: `max(var(--rows-min, 900px), ${leastPx(columns)}px)`,
        }}
      >
        <table class="rows" aria-rowcount={complete ? rows.length + 1 : -1}>
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

/** On a narrow screen the column without a width would otherwise have no room left. */
function leastPx(columns: readonly { readonly width?: number }[]): number {
  return columns.reduce((sum, { width = FLEXIBLE_MIN_PX }) => sum + width, 0)
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
      <tr aria-rowindex={at + 2} class={classOf(picked, dimmed)}>
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
          <td style={{ width: '36px' }}>
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

function cellOf<Row>(
  { title, kind, of }: WideColumn<Row>,
  row: Row,
  first: boolean,
): ComponentChildren {
  return first ? (
    <th key={title} scope="row" class={kind}>
      {of(row)}
    </th>
  ) : (
    <td key={title} class={kind}>
      {of(row)}
    </td>
  )
}

function classOf(picked: boolean | undefined, dimmed: boolean): string | undefined {
  const names = [picked ? 'picked' : '', dimmed ? 'gone' : ''].filter((name) => name !== '')
  return names.length === 0 ? undefined : names.join(' ')
}
