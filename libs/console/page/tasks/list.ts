import { addUsage, costText, count, NO_USAGE, plural, type Usage } from '@agentfleet/domain'
import type { TaskPage, TaskSummary } from '@agentfleet/protocol'

/**
 * The rows of the list as the reader sees them. A row keeps its place while the reader scrolls, selects or reads;
 * tasks that arrive meanwhile are counted, and shown when the reader asks for them.
 */
export interface TaskList {
  /** The pages that are read, newest tasks first. An update copies one page, not 100,000 rows. */
  readonly pages: readonly ListPage[]
  /** Rows of all pages. */
  readonly length: number
  /** Reads the page after the last row; undefined at the end of the list. */
  readonly nextCursor: string | undefined
  /** Ended tasks from before this time are no longer stored; known at the end of the list. */
  readonly keptFrom: string | undefined
  /** Tasks that match and are not among the rows. */
  readonly unseen: number
  /** Ids of rows that no longer match. */
  readonly gone: ReadonlySet<string>
  /** Whether a row has or had an error: its column must not come and go under the reader. */
  readonly hasErrors: boolean
}

interface ListPage {
  /** The number of its first row. */
  readonly from: number
  readonly rows: readonly TaskSummary[]
  /** What the tasks of its rows have used together. */
  readonly used: Usage
  /** Reads the page again; the first page has none. */
  readonly cursor?: string | undefined
}

/** Returns the list that begins with this page. */
export function listOf({ tasks, nextCursor, keptFrom }: TaskPage): TaskList {
  return {
    pages: [{ from: 0, rows: tasks, used: usedBy(tasks) }],
    length: tasks.length,
    nextCursor,
    keptFrom,
    unseen: 0,
    gone: new Set(),
    hasErrors: haveErrors(tasks),
  }
}

/** Adds the next page; tasks that are already rows of the page before are left out. */
export function withNext(list: TaskList, { tasks, nextCursor, keptFrom }: TaskPage): TaskList {
  const known = new Set(list.pages.at(-1)?.rows.map(({ id }) => id))
  const rows = tasks.filter(({ id }) => !known.has(id))
  return {
    ...list,
    pages: [
      ...list.pages,
      { from: list.length, rows, used: usedBy(rows), cursor: list.nextCursor },
    ],
    length: list.length + rows.length,
    nextCursor,
    keptFrom,
    hasErrors: list.hasErrors || haveErrors(rows),
  }
}

/** Takes a page that was read again: rows change where they are, and new tasks are only counted. */
export function withAgain(list: TaskList, index: number, { tasks }: TaskPage): TaskList {
  const page = list.pages[index]
  if (page === undefined) return list
  const now = new Map(tasks.map((task) => [task.id, task]))
  const oldest = tasks.at(-1)?.createdAt ?? ''
  const gone = new Set(list.gone)
  const rows = page.rows.map((row) => {
    const next = now.get(row.id)
    // A row below the last one of the answer may only have moved to the next page.
    if (next !== undefined) gone.delete(row.id)
    else if (tasks.length === 0 || row.createdAt > oldest) gone.add(row.id)
    return next ?? row
  })
  const pages = list.pages.with(index, { ...page, rows, used: usedBy(rows) })
  const hasErrors = list.hasErrors || haveErrors(rows)
  if (index > 0) return { ...list, pages, gone, hasErrors }
  const near = [...rows, ...(pages[1]?.rows.slice(0, tasks.length) ?? [])]
  const known = new Set(near.map(({ id }) => id))
  const unseen = tasks.filter(({ id }) => !known.has(id)).length
  return { ...list, pages, gone, hasErrors, unseen }
}

function haveErrors(tasks: readonly TaskSummary[]): boolean {
  return tasks.some(({ error }) => error !== undefined)
}

/** Returns the page that has this row. */
export function pageAt({ pages }: TaskList, row: number): number {
  return Math.max(
    0,
    pages.findLastIndex(({ from }) => from <= row),
  )
}

/** Returns the rows from one number up to another. */
export function rowsBetween(list: TaskList, from: number, to: number): readonly TaskSummary[] {
  const rows: TaskSummary[] = []
  for (const page of list.pages.slice(pageAt(list, from))) {
    if (page.from >= to) break
    rows.push(...page.rows.slice(Math.max(0, from - page.from), to - page.from))
  }
  return rows
}

/** Says what the tasks of all rows have used together, and whether more tasks match than the page has loaded. */
export function usedWords({ pages, length, nextCursor }: TaskList): string {
  const used = pages.reduce((sum, page) => addUsage(sum, page.used), NO_USAGE)
  const tokens = count(used.inputTokens + used.outputTokens)
  const sum = `${tokens} tokens, ${costText(used)}`
  if (nextCursor === undefined) return `${plural(length, 'task')} in this list: ${sum}.`
  return `Only the ${plural(length, 'task')} loaded so far: ${sum}. More tasks match.`
}

/** Returns what tasks have used together. */
export function usedBy(tasks: readonly TaskSummary[]): Usage {
  return tasks.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE)
}

/** Returns the rows with these ids. */
export function rowsWith(list: TaskList, ids: ReadonlySet<string>): readonly TaskSummary[] {
  // The usual selection is empty, and a list can be long.
  if (ids.size === 0) return []
  return list.pages.flatMap(({ rows }) => rows.filter(({ id }) => ids.has(id)))
}
