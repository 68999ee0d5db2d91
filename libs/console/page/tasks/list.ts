import type { TaskPage, TaskSummary } from '@agentfleet/protocol'

/**
 * The rows of the list as the reader sees them. A row keeps its place while the reader scrolls, selects or reads;
 * tasks that arrive meanwhile are counted, and shown when the reader asks for them.
 */
export interface TaskList {
  readonly rows: readonly TaskSummary[]
  /** Where each page begins, and the cursor that reads it again; the first page has none. */
  readonly pages: readonly { readonly from: number; readonly cursor?: string | undefined }[]
  /** Reads the page after the last row; undefined at the end of the list. */
  readonly nextCursor: string | undefined
  /** Tasks that match and are not among the rows. */
  readonly unseen: number
  /** Ids of rows that no longer match. */
  readonly gone: ReadonlySet<string>
}

/** Returns the list that begins with this page. */
export function listOf({ tasks, nextCursor }: TaskPage): TaskList {
  return { rows: tasks, pages: [{ from: 0 }], nextCursor, unseen: 0, gone: new Set() }
}

/** Adds the next page; tasks that are already rows are left out. */
export function withNext(list: TaskList, { tasks, nextCursor }: TaskPage): TaskList {
  const from = list.rows.length
  const lastPage = list.pages.at(-1)?.from ?? 0
  const known = new Set(list.rows.slice(lastPage).map(({ id }) => id))
  return {
    ...list,
    rows: [...list.rows, ...tasks.filter(({ id }) => !known.has(id))],
    pages: [...list.pages, { from, cursor: list.nextCursor }],
    nextCursor,
  }
}

/** Takes a page that was read again: rows change where they are, and new tasks are only counted. */
export function withAgain(list: TaskList, index: number, { tasks }: TaskPage): TaskList {
  const from = list.pages[index]?.from ?? 0
  const to = list.pages[index + 1]?.from ?? list.rows.length
  const now = new Map(tasks.map((task) => [task.id, task]))
  const oldest = tasks.at(-1)?.createdAt ?? ''
  const rows = [...list.rows]
  const gone = new Set(list.gone)
  for (let at = from; at < to; at += 1) {
    const row = rows[at]
    if (row === undefined) continue
    const next = now.get(row.id)
    if (next !== undefined) rows[at] = next
    // A row below the last one of the answer may only have moved to the next page.
    if (next !== undefined) gone.delete(row.id)
    else if (tasks.length === 0 || row.createdAt > oldest) gone.add(row.id)
  }
  if (index > 0) return { ...list, rows, gone }
  const known = new Set(rows.slice(0, to + tasks.length).map(({ id }) => id))
  return { ...list, rows, gone, unseen: tasks.filter(({ id }) => !known.has(id)).length }
}

/** Returns the page that has this row. */
export function pageAt({ pages }: TaskList, row: number): number {
  return Math.max(
    0,
    pages.findLastIndex(({ from }) => from <= row),
  )
}
