import type { Store } from '@agentfleet/adapters'
import type { TaskFilter, TaskRecord, TaskState } from '@agentfleet/domain'
import { inParallel } from '@agentfleet/runtime'
import { wrongField } from '../http/problems.ts'
import { searchPage } from './cursor.ts'
import { filterOf, type FilterFields } from './filters.ts'

/** How a client chooses the tasks of a bulk operation: by ids, or by filters and page by page. */
export interface ChoiceFields extends FilterFields {
  readonly taskIds?: readonly string[]
  readonly dryRun: boolean
  readonly limit: number
  readonly cursor?: string
}

/** The tasks of one request of a bulk operation. */
export interface Chosen {
  readonly taskIds: readonly string[]
  readonly scanned: number
  readonly nextCursor?: string
}

/** Which tasks a bulk operation can use. */
interface Choice {
  /** Names the search, so that a cursor of another search is refused. */
  readonly listing: (filter: TaskFilter) => string
  /** The states of the tasks if the client names no states. */
  readonly states: readonly TaskState[]
  /** Whether the operation can use a task; a dry run shows only such tasks. */
  readonly fits: (record: TaskRecord) => boolean
  /** Entries that the search of one page looks at. */
  readonly lookedAtMax?: number
}

/** Records read together to tell which tasks fit; each may be large. */
const LOAD_AT_ONCE = 8

/** Chooses the tasks of one request; throws a Refusal if the client sends both ids and filters. */
export async function chooseTasks(
  store: Pick<Store, 'search' | 'load'>,
  tenant: string,
  fields: ChoiceFields,
  { listing, states, fits, ...bounds }: Choice,
): Promise<Chosen> {
  const { taskIds, dryRun, limit, cursor } = fields
  const asked = filterOf(fields, 'body')
  if (taskIds === undefined) {
    const filter = { states, ...asked }
    const query = { tenant, filter, limit, ...bounds }
    const { found, ...page } = await searchPage(store, listing(filter), query, cursor)
    return { taskIds: found.map(({ task }) => task.taskId), ...page }
  }
  if (Object.keys(asked).length > 0) {
    throw wrongField('/taskIds', 'cannot be combined with filters; send either taskIds or filters')
  }
  const ids = [...new Set(taskIds)]
  if (!dryRun) return { taskIds: ids, scanned: ids.length }
  const usable = await inParallel(ids, LOAD_AT_ONCE, async (taskId) => {
    const record = await store.load(taskId)
    return record?.tenant === tenant && fits(record)
  })
  return { taskIds: ids.filter((_id, index) => usable[index]), scanned: ids.length }
}
