import type {
  AgentVersions,
  AgentView,
  BulkCancelPage,
  BulkCancelRequest,
  GoalPage,
  HistoryEvent,
  ModelList,
  ModelView,
  NodeDetail,
  NodeView,
  QueryOf,
  ReplayPage,
  ReplayQuery,
  SchedulePreviewRequest,
  TaskCall,
  TaskCounts,
  TaskHistory,
  TaskPage,
  TaskText,
  TaskView,
} from '@agentfleet/protocol'
import { allPages } from './pages.ts'
import {
  keyedPost,
  pathPart,
  type SendCall,
  type KeyOptions,
  type RequestOptions,
} from './request.ts'

/** Conditions that tasks must all meet. */
export type TaskFilters = Omit<QueryOf<'countTasks'>, 'groupBy' | 'state' | 'metadata'> & {
  readonly state?: TaskView['state'] | readonly TaskView['state'][]
  /** Pairs that the metadata of the task must have. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** Which tasks to list. */
export type ListQuery = RequestOptions &
  TaskFilters &
  Pick<QueryOf<'listTasks'>, 'order' | 'limit' | 'cursor'>

/** Which tasks to count, and by what. */
export type CountQuery = RequestOptions & TaskFilters & Pick<QueryOf<'countTasks'>, 'groupBy'>

/** Which events of a task to read. */
export type EventsQuery = RequestOptions & Omit<QueryOf<'getTaskEvents'>, 'limit'>

/** Searching, counting and changing many tasks, and reading what exists. */
export interface ListClient {
  list(query?: ListQuery): Promise<TaskPage>
  /** How many tasks match, by group. */
  count(query?: CountQuery): Promise<TaskCounts>
  /** Cancels the tasks that are named or match, up to 1,000 in one request; repeating it is safe. */
  cancelAll(query: BulkCancelRequest, options?: RequestOptions): Promise<BulkCancelPage>
  /** Runs ended tasks of a state again, up to 1,000 in one request. */
  replayAll(query?: ReplayQuery, options?: KeyOptions): Promise<ReplayPage>
  /** All events of a task that match, read page by page. */
  events(taskId: string, query?: EventsQuery): Promise<HistoryEvent[]>
  /** One finished call of a task; each text has at most `textBytes` bytes. */
  call(
    taskId: string,
    step: number,
    options?: RequestOptions & { readonly textBytes?: number },
  ): Promise<TaskCall>
  /** The text that the running attempt has written so far: the stream has only what it writes later. */
  text(taskId: string, options?: RequestOptions): Promise<TaskText>
  goals(query?: ListQuery): Promise<GoalPage>
  /** The known versions of an agent's definition, newest first. */
  agentVersions(name: string, options?: RequestOptions): Promise<AgentView[]>
  /** The models that tasks may name. */
  models(options?: RequestOptions): Promise<ModelView[]>
  /** A node with the caller's tasks that run on it. */
  node(id: string, options?: RequestOptions): Promise<NodeDetail>
  /** Asks a node to finish its work and exit. */
  drainNode(id: string, options?: RequestOptions): Promise<NodeView>
  /** The next ticks of a cron expression. */
  previewSchedule(query: SchedulePreviewRequest, options?: RequestOptions): Promise<string[]>
  /** Submits the task of a schedule now. */
  runSchedule(name: string, options?: KeyOptions): Promise<TaskView>
}

/** A part of a query; a list is sent as a repeated parameter. */
type QueryValue = string | number | boolean | readonly string[] | undefined

/** The gateway changes a thousand tasks, milliseconds. */
const BULK_EXTRA_MS = 90_000

/** The methods over these calls. */
export function listClient(call: SendCall): ListClient {
  const taskPath = (taskId: string) => `/v1/tasks/${pathPart(taskId)}`
  const nodePath = (id: string) => `/v1/fleet/nodes/${pathPart(id)}`
  return {
    list: ({ signal, ...query } = {}) => call(`/v1/tasks${filterQuery(query)}`, { signal }),
    count: ({ signal, ...query } = {}) => call(`/v1/tasks:count${filterQuery(query)}`, { signal }),
    cancelAll: (body, { signal } = {}) =>
      call('/v1/tasks:cancel', { method: 'POST', body, signal, extraMs: BULK_EXTRA_MS }),
    replayAll: (body = {}, options) =>
      call('/v1/tasks:replay', { ...keyedPost(options, body), extraMs: BULK_EXTRA_MS }),
    events: async (taskId, { signal, after, ...query } = {}) =>
      allPages(after, async (from) => {
        const path = `${taskPath(taskId)}/events${queryOf({ ...query, after: from })}`
        const { events, nextAfter } = await call<TaskHistory>(path, { signal })
        return { items: events, next: nextAfter }
      }),
    call: (taskId, step, { signal, ...query } = {}) =>
      call(`${taskPath(taskId)}/calls/${step}${queryOf(query)}`, { signal }),
    text: (taskId, { signal } = {}) => call(`${taskPath(taskId)}/text`, { signal }),
    goals: ({ signal, ...query } = {}) => call(`/v1/goals${filterQuery(query)}`, { signal }),
    async agentVersions(name, { signal } = {}) {
      const path = `/v1/agents/${pathPart(name)}/versions`
      return (await call<AgentVersions>(path, { signal })).versions
    },
    async models({ signal } = {}) {
      return (await call<ModelList>('/v1/models', { signal })).models
    },
    node: (id, { signal } = {}) => call(nodePath(id), { signal }),
    drainNode: (id, { signal } = {}) => call(`${nodePath(id)}/drain`, { method: 'POST', signal }),
    async previewSchedule(body, { signal } = {}) {
      const sent = { method: 'POST', body, signal } as const
      return (await call<{ readonly ticks: string[] }>('/v1/schedules:preview', sent)).ticks
    },
    runSchedule: (name, options) => call(`/v1/schedules/${pathPart(name)}/run`, keyedPost(options)),
  }
}

/** The query part of an address for these options; a list repeats its name. */
export function queryOf(parts: Readonly<Record<string, QueryValue>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parts)) {
    if (value === undefined) continue
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each))
  }
  return query.size === 0 ? '' : `?${query.toString()}`
}

function filterQuery({ metadata, ...query }: TaskFilters): string {
  if (metadata === undefined) return queryOf(query)
  const pairs = Object.entries(metadata).map(([key, value]) => `${key}=${value}`)
  return queryOf({ ...query, metadata: pairs })
}
