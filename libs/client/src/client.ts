import type {
  AgentDefinitionView,
  AgentList,
  AgentSummary,
  AgentView,
  ApprovalRequest,
  BatchResponse,
  BatchResult,
  DecisionPage,
  DecisionView,
  FleetView,
  IncidentPage,
  IncidentView,
  QueryOf,
  ReplayRequest,
  TaskRequest,
  TaskView,
  McpProblemView,
  ToolList,
  ToolView,
  UsageReport,
} from '@agentfleet/protocol'
import { bodyOf } from './body.ts'
import { errorOf, notJson, unreachable } from './error.ts'
import { followFleet, type FollowFrame, type FollowTopic } from './follow.ts'
import { figuresClient, type FiguresClient } from './figures.ts'
import { goalClient, type GoalClient } from './goals.ts'
import { keyClient, type KeyClient } from './keys.ts'
import { listClient, queryOf, type ListClient } from './lists.ts'
import type { FollowOptions } from './reconnect.ts'
import {
  addressOf,
  keyHeader,
  keyedPost,
  pathPart,
  requireWhole,
  versionedCalls,
  type Call,
  type KeyOptions,
  type RequestOptions,
  type VersionOptions,
} from './request.ts'
import type { Endpoint } from './stream.ts'
import { watchTasks, type WatchFrame, type WatchOptions } from './watch.ts'

/** Where the gateway is, and the key of the caller. */
export interface ClientOptions {
  /** Such as `http://127.0.0.1:8080`. */
  readonly baseUrl: string
  readonly apiKey?: string
  /** Ends every request that is not given another signal. */
  readonly signal?: AbortSignal
}

/** Options of a submission, without the task. */
export interface SubmitOptions extends KeyOptions {
  /** Holds the answer until the task has ended, for at most this many seconds (60). */
  readonly waitSeconds?: number
}

/** Which decisions to list. */
export type DecisionQuery = RequestOptions &
  Omit<QueryOf<'listDecisions'>, 'service'> & { readonly service?: string }
/** Which incidents to list. */
export type IncidentQuery = RequestOptions & QueryOf<'listIncidents'>
/** Which usage to read; days are `YYYY-MM-DD` in UTC. */
export type UsageQuery = RequestOptions &
  Omit<QueryOf<'getUsage'>, 'groupBy'> & {
    readonly groupBy?: 'model' | 'hour' | 'agent' | 'tenant' | `metadata.${string}`
  }
/** How much of the fleet to read. */
export type FleetOptions = RequestOptions & QueryOf<'getFleet'>

/** The API of a gateway; every method throws ClientError. */
export interface Client extends FiguresClient, GoalClient, KeyClient, ListClient {
  submit(task: TaskRequest, options?: SubmitOptions): Promise<TaskView>
  submitBatch(tasks: readonly TaskRequest[], options?: RequestOptions): Promise<BatchResult[]>
  get(taskId: string, options?: RequestOptions): Promise<TaskView>
  cancel(taskId: string, options?: RequestOptions): Promise<TaskView>
  /** Approves or rejects the step that a task waits for; the run continues in both cases. */
  approve(
    taskId: string,
    step: number,
    word: ApprovalRequest,
    options?: RequestOptions,
  ): Promise<TaskView>
  /** Runs an ended task again, as a new one. */
  replay(taskId: string, ask?: ReplayRequest, options?: KeyOptions): Promise<TaskView>
  /** The definitions of agents: the tenant's own definitions and the built-in definitions. */
  agents(options?: RequestOptions): Promise<AgentSummary[]>
  agent(name: string, options?: RequestOptions & { readonly version?: number }): Promise<AgentView>
  /**
   * Makes a new version of a definition, if `ifVersion` is absent or the current version (0: only if none
   * exists).
   */
  putAgent(
    name: string,
    definition: AgentDefinitionView,
    options?: VersionOptions,
  ): Promise<AgentView>
  deleteAgent(name: string, options?: VersionOptions): Promise<void>
  /** The tools that agents may name. */
  tools(options?: RequestOptions): Promise<ToolView[]>
  /** The MCP servers that do not offer every configured tool now. */
  mcpProblems(options?: RequestOptions): Promise<McpProblemView[]>
  /** What tasks used and cost, by day and model, agent or hour. */
  usage(query?: UsageQuery): Promise<UsageReport>
  fleet(options?: FleetOptions): Promise<FleetView>
  /** Decisions of the control plane with their measured outcomes, newest first. */
  decisions(query?: DecisionQuery): Promise<DecisionPage>
  decision(id: string, options?: RequestOptions): Promise<DecisionView>
  /** Failures of nodes and how they were handled, newest first. */
  incidents(query?: IncidentQuery): Promise<IncidentPage>
  incident(id: string, options?: RequestOptions): Promise<IncidentView>
  /** Follows decisions, incidents, nodes or numbers from now on, until the signal ends it. */
  follow(
    topics: readonly FollowTopic[],
    options?: FollowOptions,
  ): AsyncGenerator<FollowFrame, void, void>
  /** Follows tasks until all have ended, over as many connections as that takes. */
  watch(taskIds: readonly string[], options?: WatchOptions): AsyncGenerator<WatchFrame, void, void>
}

/** Longest time that a gateway takes for an answer it does not hold on purpose, milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000

/** A client of the gateway at this address; it connects with the first request. */
export function createClient({ baseUrl, apiKey, signal }: ClientOptions): Client {
  const headers: Record<string, string> =
    apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
  const endpoint = { baseUrl, headers }
  const call = createCall(endpoint, signal)
  const agentPath = (name: string) => `/v1/agents/${pathPart(name)}`
  const taskPath = (taskId: string) => `/v1/tasks/${pathPart(taskId)}`
  const agents = versionedCalls(call, agentPath)

  return {
    ...listClient(call),
    ...figuresClient(call),
    submit(task, { idempotencyKey, waitSeconds, signal } = {}) {
      const headers = keyHeader(idempotencyKey)
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
    cancel: (taskId, { signal } = {}) =>
      call(`${taskPath(taskId)}/cancel`, { method: 'POST', signal }),
    approve: (taskId, step, word, { signal } = {}) =>
      call(`${taskPath(taskId)}/approvals/${step}`, { method: 'POST', body: word, signal }),
    replay: (taskId, ask = {}, options) =>
      call(`${taskPath(taskId)}/replay`, keyedPost(options, ask)),
    async agents({ signal } = {}) {
      return (await call<AgentList>('/v1/agents', { signal })).agents
    },
    agent: (name, { signal, ...query } = {}) =>
      call(`${agentPath(name)}${queryOf(query)}`, { signal }),
    putAgent: agents.put,
    deleteAgent: agents.remove,
    async tools({ signal } = {}) {
      return (await call<ToolList>('/v1/tools', { signal })).tools
    },
    async mcpProblems({ signal } = {}) {
      return (await call<ToolList>('/v1/tools', { signal })).mcpProblems
    },
    ...goalClient(call),
    usage: ({ signal, ...query } = {}) => call(`/v1/usage${queryOf(query)}`, { signal }),
    fleet: ({ signal, ...query } = {}) => call(`/v1/fleet${queryOf(query)}`, { signal }),
    decisions: ({ signal, ...query } = {}) => call(`/v1/decisions${queryOf(query)}`, { signal }),
    decision: (id, { signal } = {}) => call(`/v1/decisions/${pathPart(id)}`, { signal }),
    incidents: ({ signal, ...query } = {}) => call(`/v1/incidents${queryOf(query)}`, { signal }),
    incident: (id, { signal } = {}) => call(`/v1/incidents/${pathPart(id)}`, { signal }),
    follow: (topics, options = {}) => followFleet(endpoint, topics, options),
    ...keyClient(call),
    watch: (taskIds, options = {}) => watchTasks(endpoint, taskIds, options),
  }
}

/** Creates what sends one request and reads its answer. */
function createCall(endpoint: Endpoint, stopped: AbortSignal | undefined) {
  return async function call<T>(path: string, options: Call = {}): Promise<T> {
    requireWhole(path)
    const { method = 'GET', body, headers = {}, signal = stopped, extraMs = 0 } = options
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS + extraMs)
    let response: Response
    let text: string
    try {
      response = await fetch(addressOf(endpoint.baseUrl, path), {
        method,
        headers: {
          ...endpoint.headers,
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // A redirected POST becomes a GET, and a redirect to another host loses the key.
        redirect: 'manual',
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
      text = await bodyOf(response)
    } catch (error) {
      throw unreachable(error)
    }
    if (!response.ok) throw errorOf(response.status, text, (name) => response.headers.get(name))
    if (text === '') return undefined as T
    try {
      return JSON.parse(text) as T
    } catch {
      throw notJson(response.status, text)
    }
  }
}
