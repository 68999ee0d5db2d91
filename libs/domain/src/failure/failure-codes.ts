import { CALLER_CODES } from './caller-codes.ts'
import type { FailureCode } from './failure-code.ts'

/**
 * Every stable code of a failure, in one table: how the fleet repeats a failed task, how the API answers,
 * and one sentence for people. The retry policy, the problem documents of the API, the errors between
 * services and docs/reference/error-codes.md follow from it.
 */

const AGAIN = { retryable: true } as const
const NEVER = { retryable: false } as const
/** A task that fails because of a limit: another attempt would meet it, too. */
const limit = (says: string) => ({ says, task: { class: 'limit', ...NEVER } }) as const

/** The table. */
export const FAILURE_CODES = {
  // Tasks: the provider.
  'provider-overloaded': {
    says: 'The provider refused the call because it receives too many calls or tokens; the fleet pauses calls to this model.',
    task: { class: 'provider-overload', ...AGAIN },
  },
  'provider-unavailable': {
    says: 'The provider is unreachable, answered with a server error, or sent an unreadable answer.',
    task: { class: 'provider-unavailable', ...AGAIN },
  },
  'provider-timeout': {
    says: 'The provider did not answer within the time limit of a call.',
    task: { class: 'timeout', ...AGAIN },
  },
  'provider-refused': {
    says: 'The provider refused the request or withheld its answer, or no provider serves the model.',
    task: { class: 'refusal', ...NEVER },
  },
  'empty-answer': {
    says: 'The model answered with neither text nor tool calls.',
    // Retried once: it is often a passing fault, and each attempt is paid for.
    task: { class: 'empty-answer', ...AGAIN },
  },
  'answer-cut': limit(
    'The answer of the model was cut off, usually because the answer reached its token limit.',
  ),
  // Tasks: answers and tools.
  'invalid-output': {
    says: 'The answer of the model does not satisfy the schema, although the model received the list of its faults.',
    // The journal holds the invalid answers: another attempt would fail in the same way.
    task: { class: 'invalid-output', ...NEVER },
  },
  'invalid-schema': {
    says: 'The schema for the answer is not a valid JSON schema.',
    task: { class: 'invalid-output', ...NEVER },
  },
  'schema-too-costly': {
    says: 'Checking an answer against the schema costs too much time or memory; use fewer references.',
    // Every node that retries it meets the same schema.
    task: { class: 'invalid-output', ...NEVER },
    http: { status: 422, title: 'Checking an answer against the schema costs too much' },
  },
  'tool-failed': {
    says: 'A tool failed; the tool itself says whether the same call may work later.',
    task: { class: 'tool-failure', ...NEVER },
  },
  'tool-missing': {
    says: 'The agent lists a tool that the node does not have.',
    // Another node may run another image, and an MCP server may come back.
    task: { class: 'tool-failure', ...AGAIN },
  },
  'tool-denied': {
    says: 'The agent lists a tool that its tenant may not use.',
    task: { class: 'refusal', ...NEVER },
  },
  // Tasks: limits.
  'budget-exceeded': limit('The next call would exceed a budget of the task or of its tenant.'),
  'no-price': limit(
    'The task or its tenant has a budget in USD, and no price is configured for the model.',
  ),
  'output-too-large': limit(
    'The result, a call, or all finished calls of the task together exceed the size limit.',
  ),
  'too-many-turns': limit(
    'The agent made all LLM calls that its task allows, and it had not finished.',
  ),
  'too-many-tool-calls': limit('The model asked for more tool calls than a task may make.'),
  'too-many-pauses': limit('The run paused more often than a task may pause.'),
  'too-many-children': limit('The run asked for more children than a task may have.'),
  'too-deep': limit('The run asked for children that are too many levels below the first task.'),
  'deadline-exceeded': limit('The task did not finish within its timeoutMs.'),
  'report-too-large': limit('A report of the run exceeds the largest message that NATS accepts.'),
  'event-too-large': limit('An event of the run exceeds the largest message that NATS accepts.'),
  'task-too-large': limit(
    'The task, the results of its finished calls and its inputs together exceed the largest message that NATS accepts.',
  ),
  // Tasks that failed because of other tasks or of people.
  'dependency-failed': limit(
    'A task on which this task depends failed, was cancelled or is no longer stored.',
  ),
  'plan-invalid': limit('The planner did not make a valid plan for the goal.'),
  'plan-refused': {
    says: 'A person refused the plan of the goal.',
    task: { class: 'refusal', ...NEVER },
  },
  'goal-failed': limit(
    'A task of the plan failed, and the goal cannot be reached without this task.',
  ),
  cancelled: {
    says: 'The task was cancelled, either by its owner or because its parent task ended.',
    task: { class: 'refusal', ...NEVER },
  },
  // Tasks: the fleet itself.
  'attempts-lost': limit(
    'The nodes of several attempts died one after the other, so the task is probably the cause.',
  ),
  'report-invalid': {
    says: 'The coordinator could not read a report of the run; all services must run the same release.',
    task: { class: 'defect', ...NEVER },
  },
  'worker-defect': {
    says: 'The worker failed because of a fault in AgentFleet, not in the task.',
    // Another node may run another version; a fault of every node ends the task by its maxAttempts.
    task: { class: 'defect', ...AGAIN },
  },
  // The API: the request.
  'invalid-request': {
    says: 'The request violates its schema in openapi.yaml.',
    http: { status: 400, title: 'The request is invalid' },
  },
  'malformed-body': {
    says: 'The body of the request is not JSON.',
    http: { status: 400, title: 'The body is not JSON' },
  },
  'invalid-cursor': {
    says: 'The cursor belongs to a different query.',
    http: { status: 400, title: 'The cursor belongs to a different query' },
  },
  // The API: the caller.
  ...CALLER_CODES,
  'body-too-large': {
    says: 'The body of the request, or the number of names of one of its objects, exceeds the limit of the API.',
    http: { status: 413, title: 'The body is too large' },
  },
  'unsupported-media-type': {
    says: 'The content type of the request is not JSON.',
    http: { status: 415, title: 'The gateway accepts only JSON' },
  },
  'upgrade-required': {
    says: 'The path needs a WebSocket upgrade.',
    http: { status: 426, title: 'The path needs a WebSocket client' },
  },
  'too-many-connections': {
    says: 'The tenant has too many WebSocket connections open, or the IP address has too many connections open.',
    http: { status: 429, title: 'Too many connections are open', retryAfterS: 5 },
  },
  'tenant-limit': {
    says: 'The tenant has reached a limit that the operator has set for the tenant.',
    http: { status: 429, title: 'The tenant has reached a limit', retryAfterS: 5 },
  },
  'tenant-share': {
    says: 'The tenant has used up its share of a store; the rest is reserved for other tenants.',
    http: { status: 429, title: 'The tenant has used up its share of a store', retryAfterS: 5 },
  },
  // The API: the resource.
  'task-not-found': {
    says: 'No task of this tenant has this id.',
    http: { status: 404, title: 'The task does not exist' },
    frame: true,
  },
  'call-not-found': {
    says: 'The log has no finished call of the task with this step.',
    http: { status: 404, title: 'The call does not exist' },
  },
  'decision-not-found': {
    says: 'No stored decision has this id.',
    http: { status: 404, title: 'The decision does not exist' },
  },
  'incident-not-found': {
    says: 'No stored incident has this id.',
    http: { status: 404, title: 'The incident does not exist' },
  },
  'node-not-found': {
    says: 'No node of the fleet has this id.',
    http: { status: 404, title: 'The node does not exist' },
  },
  'agent-not-found': {
    says: 'No agent definition has this name or version.',
    http: { status: 404, title: 'The agent definition does not exist' },
  },
  'schedule-not-found': {
    says: 'The tenant has no schedule with this name.',
    http: { status: 404, title: 'The schedule does not exist' },
  },
  'path-not-found': {
    says: 'The API has no such path.',
    http: { status: 404, title: 'The path does not exist' },
  },
  'method-not-allowed': {
    says: 'The path exists, but not with this method.',
    http: { status: 405, title: 'The path does not accept this method' },
  },
  'not-finished': {
    says: 'Only a task that has ended can be replayed.',
    http: { status: 409, title: 'The task has not ended' },
  },
  'already-finished': {
    says: 'The task ended before the request arrived.',
    http: { status: 409, title: 'The task has already ended' },
  },
  'not-waiting': {
    says: 'The task does not wait for approval of this step.',
    http: { status: 409, title: 'The task does not wait for approval of this step' },
  },
  'decided-otherwise': {
    says: 'The opposite decision on the step is already stored.',
    http: { status: 409, title: 'The opposite decision on the step is stored' },
  },
  'agent-shipped': {
    says: 'A built-in agent cannot be deleted; a tenant can replace it with a definition of the same name.',
    http: { status: 409, title: 'Built-in agents cannot be deleted' },
  },
  'agents-full': {
    says: 'The tenant has the maximum number of agent definitions.',
    http: { status: 409, title: 'The tenant has too many agent definitions' },
  },
  'schedules-full': {
    says: 'The tenant has the maximum number of schedules.',
    http: { status: 409, title: 'The tenant has too many schedules' },
  },
  'journal-gone': {
    says: 'The log no longer keeps the calls of the ended task.',
    http: { status: 409, title: 'The finished calls of the task are no longer stored' },
  },
  'version-mismatch': {
    says: 'The definition or schedule is no longer in the version that the request names.',
    http: { status: 412, title: 'The definition or schedule has another version' },
  },
  'journal-too-large': {
    says: 'The finished calls of the ended task are too large for a replay that reuses them.',
    http: { status: 422, title: 'The finished calls of the task are too large for a replay' },
  },
  'unsupported-schema': {
    says: 'The schema declares an unsupported version of JSON Schema; 2020-12 and draft-07 are supported.',
    http: { status: 422, title: 'The JSON Schema version is not supported' },
  },
  'unknown-agent': {
    says: 'No agent definition has the name that the task gives.',
    http: { status: 422, title: 'No agent has this name' },
  },
  'unknown-tool': {
    says: 'No node offers a tool with this name.',
    http: { status: 422, title: 'No node offers this tool' },
  },
  'unknown-model': {
    says: 'No provider of any node serves this model.',
    http: { status: 422, title: 'No provider serves this model' },
  },
  'unknown-agent-version': {
    says: 'The definition has no such version.',
    http: { status: 422, title: 'The definition has no such version' },
  },
  'idempotency-key-reused': {
    says: 'The idempotency key belongs to a request with another body.',
    http: { status: 422, title: 'The idempotency key belongs to a request with another body' },
  },
  'unknown-dependency': {
    says: 'A dependency of the task does not exist or belongs to another tenant.',
    http: { status: 422, title: 'A dependency does not exist' },
    task: { class: 'limit', ...NEVER },
  },
  // The API and the services behind it.
  internal: {
    says: 'The gateway failed; the request is not the cause.',
    http: { status: 500, title: 'The gateway failed' },
  },
  overloaded: {
    says: 'A queue of the service is full.',
    http: { status: 503, title: 'The service is overloaded', retryAfterS: 1, unchanged: true },
    service: AGAIN,
  },
  'log-full': {
    says: 'The log is nearly full; the fleet reserves the rest for accepted tasks and refuses new tasks.',
    http: {
      status: 503,
      title: 'The log has no room for new tasks',
      retryAfterS: 10,
      unchanged: true,
    },
    service: AGAIN,
  },
  'outcome-unknown': {
    says: 'The answer of the storage was lost, so the gateway cannot know whether the change is stored.',
    http: { status: 503, title: 'It is unknown whether the change is stored', retryAfterS: 1 },
    service: AGAIN,
  },
  'bus-unavailable': {
    says: 'NATS does not answer.',
    http: { status: 503, title: 'NATS does not answer', retryAfterS: 2 },
    service: AGAIN,
  },
  'store-unavailable': {
    says: 'Redis does not answer, refuses commands, or lacks records, so lists cannot be read; a task can still be submitted and read by its id.',
    http: { status: 503, title: 'Redis is unavailable to the gateway', retryAfterS: 2 },
    service: AGAIN,
  },
  'coordinator-unavailable': {
    says: 'No coordinator answered in time.',
    http: { status: 503, title: 'No coordinator answers', retryAfterS: 2 },
  },
  'node-unavailable': {
    says: 'A node did not answer in time.',
    http: { status: 503, title: 'The node does not answer', retryAfterS: 2 },
  },
  // Between services.
  'bus-timeout': { says: 'NATS did not answer within the time limit of a call.', service: AGAIN },
  'registry-unavailable': { says: 'Consul does not answer.', service: AGAIN },
  'orchestrator-unavailable': { says: 'The orchestrator does not answer.', service: AGAIN },
  'bad-message': { says: 'A message on the bus or a stored item is unreadable.', service: NEVER },
  'too-large': { says: 'A message exceeds the limit of the bus.', service: NEVER },
  'newer-format': {
    says: 'A newer release of AgentFleet has stored the data; start this newer release.',
    service: NEVER,
  },
  // Frames of the WebSocket.
  'bad-frame': { says: 'The gateway could not read a frame of the client.', frame: true },
  'too-many-subscriptions': {
    says: 'The connection already follows the maximum number of tasks.',
    frame: true,
  },
  'events-missed': {
    says: 'The connection missed events; list the tasks to read their present states.',
    frame: true,
  },
} as const satisfies Record<string, FailureCode>

type Table = typeof FAILURE_CODES
type CodeWith<Part extends string> = {
  [Code in keyof Table]: Table[Code] extends Readonly<Record<Part, unknown>> ? Code : never
}[keyof Table]

/** The code of a failed task. */
export type TaskCode = CodeWith<'task'>
/** The code of a problem document. */
export type ProblemCode = CodeWith<'http'>
/** The code of an error that a service meets. */
export type ServiceCode = CodeWith<'service'>

/** From this status on, the server has failed, and the answer does not say whether something was changed. */
const SERVER_FAILED = 500

/** Whether a request with this answer may have changed something. */
export function mayHaveChanged(code: ProblemCode): boolean {
  const http: FailureCode['http'] = FAILURE_CODES[code].http
  return http !== undefined && http.status >= SERVER_FAILED && http.unchanged !== true
}

/** The table's row for a code; undefined for an unknown one. */
export function failureCode(code: string): FailureCode | undefined {
  return Object.hasOwn(FAILURE_CODES, code) ? FAILURE_CODES[code as keyof Table] : undefined
}
