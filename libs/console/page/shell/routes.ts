import { withQuery } from '../api/query.ts'

/** The addresses of the page. Pure: `router.ts` reads and writes the address bar. */

/** The views, in the order of the navigation; a view without a title there is opened from another view. */
export const VIEWS = [
  { name: 'now', path: '/', title: 'Now', key: 'n' },
  { name: 'tasks', path: '/tasks', title: 'Tasks', key: 't' },
  { name: 'goals', path: '/goals', title: 'Goals', key: 'g' },
  { name: 'approvals', path: '/approvals', title: 'Approvals', key: 'p' },
  { name: 'fleet', path: '/fleet', title: 'Fleet', key: 'f' },
  { name: 'decisions', path: '/decisions', title: 'Decisions', key: 'd' },
  { name: 'incidents', path: '/incidents', title: 'Incidents', key: 'i' },
  { name: 'agents', path: '/agents', title: 'Agents', key: 'a' },
  { name: 'schedules', path: '/schedules', title: 'Schedules', key: 's' },
  { name: 'usage', path: '/usage', title: 'Usage', key: 'u' },
] as const

/** The name of a view. */
export type ViewName = (typeof VIEWS)[number]['name']

/** The place that an address names. */
export interface Place {
  /** Undefined: the address names no view. */
  readonly view: ViewName | undefined
  /** The record that the view shows in detail. */
  readonly id: string | undefined
  /** A value that is repeated in the address has one line for each. */
  readonly query: Readonly<Record<string, string>>
}

/** The folder under which the gateway serves the page. */
export const FOLDER = '/console'

/** Reads an address, without the path of a proxy. */
export function placeOf(pathname: string, search: string): Place {
  const [, name = '', ...rest] = pathname.slice(FOLDER.length).replace(/\/+$/, '').split('/')
  const view = VIEWS.find(({ path }) => path === `/${name}`)?.name
  const id = rest.length === 0 ? undefined : decoded(rest.join('/'))
  return { view, id, query: queryOf(search) }
}

/** Writes an address below `/console`; entries without a value are left out. */
export function pathOf(
  view: ViewName,
  id?: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const base = VIEWS.find(({ name }) => name === view)?.path ?? '/'
  const path = id === undefined ? base : `${base}/${encodeURIComponent(id)}`
  const lists = Object.entries(query).map(([name, value = '']) => [name, linesOf(value)] as const)
  return withQuery(path, Object.fromEntries(lists))
}

/** Returns the lines of a value that are not empty. */
export function linesOf(value: string): readonly string[] {
  return value.split('\n').filter((line) => line !== '')
}

function queryOf(search: string): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(search)) {
    const before = query[name]
    query[name] = before === undefined ? value : `${before}\n${value}`
  }
  return query
}

/** Returns the place that a text in the search box means: a task by its id, a node by its name, or tasks by words. */
export function placeFor(text: string): string | undefined {
  const wanted = text.trim()
  if (wanted === '') return undefined
  const isTask = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(wanted)
  if (isTask) return pathOf('tasks', wanted.toLowerCase())
  // Names of nodes end with a number, such as worker-3 or pool-7f9c-12.
  const isNode = /^\S*[a-z]\S*-\d+$/i.test(wanted)
  return isNode ? pathOf('fleet', wanted) : pathOf('tasks', undefined, { q: wanted })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
