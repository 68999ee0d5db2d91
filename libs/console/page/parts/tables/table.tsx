import type { ComponentChildren } from 'preact'

/** A column: its title and how it writes a row. The first column names the row. */
export interface Column<Row> {
  readonly title: string
  /** The title in a card; the title of the column if absent. */
  readonly short?: string
  readonly of: (row: Row) => ComponentChildren
  /** `number` aligns right; `wide` takes the rest of the width. */
  readonly kind?: 'number' | 'wide'
}

/** What a table shows. */
export interface TableProps<Row> {
  /** For screen readers. */
  readonly caption: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** Stands in place of rows and says why there are none. */
  readonly empty?: ComponentChildren
}

/** A short table. */
export function Table<Row>({ caption, columns, rows, keyOf, empty }: TableProps<Row>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class="cards">
        <caption class="quiet">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, kind }) => (
              <th key={title} scope="col" class={kind}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, place) => cellOf(column, row, place === 0))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** One cell of a row; the first one names the row. */
export function cellOf<Row>(
  { title, short = title, kind, of }: Column<Row>,
  row: Row,
  first: boolean,
): ComponentChildren {
  return first ? (
    <th key={title} scope="row" class={kind}>
      {of(row)}
    </th>
  ) : (
    <td key={title} class={kind} data-title={short}>
      {of(row)}
    </td>
  )
}
