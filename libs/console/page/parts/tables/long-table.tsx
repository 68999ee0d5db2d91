import type { ComponentChildren } from 'preact'
import { VirtualTable, type WideColumn } from './virtual-table.tsx'

/** A table whose rows have no limit, all of them known. With `empty` in place of rows it says why it has none. */
export function LongTable<Row>({
  empty,
  ...table
}: {
  caption: string
  columns: readonly WideColumn<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row) => string
  empty: ComponentChildren
}) {
  if (table.rows.length === 0) return <p class="empty">{empty}</p>
  return <VirtualTable {...table} complete />
}
