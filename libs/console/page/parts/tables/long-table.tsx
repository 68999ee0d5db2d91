import type { TableProps } from './table.tsx'
import { VirtualTable, type VirtualTableProps } from './virtual-table.tsx'

/** A table whose rows have no limit, all of them known. With `empty` in place of rows it says why it has none. */
export function LongTable<Row>({
  empty,
  ...table
}: Omit<VirtualTableProps<Row>, 'complete'> & Pick<TableProps<Row>, 'empty'>) {
  if (table.rows.length === 0) return <p class="empty">{empty}</p>
  return <VirtualTable {...table} />
}
