import type { CountGroup, Store } from '@agentfleet/adapters'
import { previewOf, taskMatches, type TaskFilter } from '@agentfleet/domain'
import {
  TASK_ID_PATTERN,
  type FilledQueryOf,
  type GoalPage,
  type TaskCounts,
  type TaskPage,
  type TaskSummary,
} from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { searchPage } from './cursor.ts'
import type { Reader } from '../tasks/reads.ts'
import { isoTime, taskSummary } from '../tasks/views.ts'
import type { TenantRoom } from '../tenants/room.ts'
import { filterOf, listingName, type FilterFields } from './filters.ts'

interface ListRouteDeps {
  readonly store: Pick<Store, 'search' | 'count'>
  readonly reader: Reader
  readonly room: Pick<TenantRoom, 'keptFromMs'>
  readonly nowMs: () => number
}

type PageFields = Pick<FilledQueryOf<'listTasks', 'order' | 'limit'>, 'order' | 'limit' | 'cursor'>

type ListFields = FilterFields & PageFields

interface CountFields extends FilterFields {
  readonly groupBy: CountGroup
}

/** Creates the handlers of `GET /v1/tasks`, `/v1/tasks:count` and `GET /v1/goals` by operationId. */
export function listRoutes({ store, reader, room, nowMs }: ListRouteDeps) {
  /**
   * If the text is a whole id, the gateway reads the task without a search, so it finds the task even before
   * Redis has it.
   */
  async function byId(tenant: string, filter: TaskFilter): Promise<TaskSummary[]> {
    const record = await reader.load((filter.text ?? '').toLowerCase(), tenant)
    if (record === undefined || record.tenant !== tenant) return []
    const task = previewOf(record)
    const [node] = await reader.nodesOf([record])
    return taskMatches(task, filter, node) ? [taskSummary(task, node)] : []
  }

  async function pageOf(tenant: string, filter: TaskFilter, fields: PageFields) {
    const { order, limit, cursor } = fields
    const listing = listingName('tasks', { order, filter })
    const query = { tenant, filter, order, limit }
    const { found, ...page } = await searchPage(store, listing, query, cursor)
    const tasks = found.map(({ task, node }) => taskSummary(task, node))
    const keptFromMs = page.nextCursor === undefined ? room.keptFromMs(tenant) : undefined
    return {
      tasks,
      ...page,
      ...(keptFromMs === undefined ? {} : { keptFrom: isoTime(keptFromMs) }),
    }
  }

  return {
    async listTasks(request: FastifyRequest): Promise<TaskPage> {
      const query = request.query as ListFields
      const { tenant } = request
      const filter = filterOf(query, 'query')
      if (TASK_ID_PATTERN.test(filter.text?.toLowerCase() ?? '')) {
        return { tasks: await byId(tenant, filter), scanned: 1 }
      }
      return pageOf(tenant, filter, query)
    },
    async listGoals(request: FastifyRequest): Promise<GoalPage> {
      const query = request.query as ListFields
      const filter: TaskFilter = { ...filterOf(query, 'query'), kind: 'goal' }
      const { tasks: goals, ...rest } = await pageOf(request.tenant, filter, query)
      return { goals, ...rest }
    },
    async countTasks(request: FastifyRequest): Promise<TaskCounts> {
      const query = request.query as CountFields
      const { groupBy } = query
      const filter = filterOf(query, 'query')
      const counts = await store.count({ tenant: request.tenant, filter, groupBy })
      return { at: isoTime(nowMs()), groupBy, ...counts, groups: [...counts.groups] }
    },
  }
}
