import { signal } from '@preact/signals'
import { rowsBetween, type TaskList } from './list.ts'

/** The list that the reader saw last; the task view leads to its neighbours. */
export const lastList = signal<TaskList | undefined>(undefined)

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
