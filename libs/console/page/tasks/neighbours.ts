import { signal } from '@preact/signals'
import { rowsBetween, type TaskList } from './list.ts'

/** A list that the reader has seen. */
interface SeenList {
  readonly list: TaskList
  /** The request of its first page. */
  readonly path: string
  /** The tenant whose tasks it has. */
  readonly owner: string
  /** Its filters in the address. */
  readonly query: Readonly<Record<string, string>>
}

/** The list that the reader saw last: the task view leads to its neighbours, the back button to its rows. */
export const lastList = signal<SeenList | undefined>(undefined)
/** How far the reader had scrolled in that list, pixels. */
export const lastTop = signal(0)

/** The ids of the tasks before and after a task in a list. */
export function neighboursOf(
  list: TaskList | undefined,
  id: string,
): { readonly before: string | undefined; readonly after: string | undefined } {
  const rows = list === undefined ? [] : rowsBetween(list, 0, list.length)
  const at = rows.findIndex((row) => row.id === id)
  if (at === -1) return { before: undefined, after: undefined }
  return { before: rows[at - 1]?.id, after: rows[at + 1]?.id }
}
