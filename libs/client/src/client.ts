import type {
  BatchResponse,
  BatchResult,
  FleetView,
  HistoryEvent,
  TaskHistory,
  TaskPage,
  TaskRequest,
  TaskView,
} from '@agentfleet/protocol'
import { errorOf, unreachable } from './error.ts'
import { watchTasks, type WatchFrame, type WatchOptions } from './watch.ts'

/** Where the gateway is, and as whom to speak to it. */
export interface ClientOptions {
  /** Such as `http://127.0.0.1:8080`. */
  readonly baseUrl: string
  readonly apiKey?: string
}

/** What every request may be given. */
export interface RequestOptions {
  readonly signal?: AbortSignal
}

/** What a submission may be given beside the task. */
export interface SubmitOptions extends RequestOptions {
  /** Makes repeating the submission safe. */
  readonly idempotencyKey?: string
  /** Holds the answer until the task has ended, for so many seconds at most (60). */
  readonly waitSeconds?: number
}

/** Which tasks to list. */
export interface ListQuery extends RequestOptions {
  readonly state?: TaskView['state']
  readonly limit?: number
  readonly cursor?: string
}

/** The API of a gateway; every method throws ClientError. */
export interface Client {
  submit(task: TaskRequest, options?: SubmitOptions): Promise<TaskView>
  submitBatch(tasks: readonly TaskRequest[], options?: RequestOptions): Promise<BatchResult[]>
  get(taskId: string, options?: RequestOptions): Promise<TaskView>
  list(query?: ListQuery): Promise<TaskPage>
  cancel(taskId: string, options?: RequestOptions): Promise<TaskView>
  events(taskId: string, options?: RequestOptions): Promise<HistoryEvent[]>
  fleet(options?: RequestOptions): Promise<FleetView>
  /** Follows tasks until all have ended, over as many connections as that takes. */
  watch(taskIds: readonly string[], options?: WatchOptions): AsyncGenerator<WatchFrame, void, void>
}

/** Longer than any answer of a gateway takes that is not held on purpose, milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000

interface Call {
  readonly method?: 'GET' | 'POST'
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  readonly extraMs?: number
}

/** A client of the gateway at this address; it connects with the first request. */
export function createClient({ baseUrl, apiKey }: ClientOptions): Client {
  const authorization: Record<string, string> =
    apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }

  async function call<T>(path: string, options: Call = {}): Promise<T> {
    const { method = 'GET', body, headers = {}, signal, extraMs = 0 } = options
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS + extraMs)
    let response: Response
    let text: string
    try {
      response = await fetch(new URL(path, baseUrl), {
        method,
        headers: {
          ...authorization,
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
      text = await response.text()
    } catch (error) {
      throw unreachable(error)
    }
    if (!response.ok) throw errorOf(response.status, text, response.headers.get('retry-after'))
    return JSON.parse(text) as T
  }

  const taskPath = (taskId: string) => `/v1/tasks/${encodeURIComponent(taskId)}`

  return {
    submit(task, { idempotencyKey, waitSeconds, signal } = {}) {
      const headers: Record<string, string> = {}
      if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey
      if (waitSeconds !== undefined) headers['prefer'] = `wait=${waitSeconds}`
      const extraMs = (waitSeconds ?? 0) * 1_000
      return call('/v1/tasks', { method: 'POST', body: task, headers, signal, extraMs })
    },
    async submitBatch(tasks, { signal } = {}) {
      const body = { tasks }
      const answer = await call<BatchResponse>('/v1/tasks:batch', { method: 'POST', body, signal })
      return answer.results
    },
    get: (taskId, { signal } = {}) => call(taskPath(taskId), { signal }),
    list({ state, limit, cursor, signal } = {}) {
      const query = new URLSearchParams()
      if (state !== undefined) query.set('state', state)
      if (limit !== undefined) query.set('limit', String(limit))
      if (cursor !== undefined) query.set('cursor', cursor)
      return call(`/v1/tasks?${query.toString()}`, { signal })
    },
    cancel: (taskId, { signal } = {}) =>
      call(`${taskPath(taskId)}/cancel`, { method: 'POST', signal }),
    async events(taskId, { signal } = {}) {
      return (await call<TaskHistory>(`${taskPath(taskId)}/events`, { signal })).events
    },
    fleet: ({ signal } = {}) => call('/v1/fleet', { signal }),
    watch: (taskIds, options = {}) =>
      watchTasks({ baseUrl, headers: authorization }, taskIds, options),
  }
}
