import { FAILURE_CODES, type TaskCode } from '../failure/failure-codes.ts'

/** The failure of an attempt, in terms that do not depend on the library that reported it. */
export type Failure =
  /** The provider answered with an HTTP status other than success. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly message: string
      /** The time after which the provider accepts calls again. */
      readonly retryAfterMs?: number
      /** A rate-limit refusal that concerns every model of the key. */
      readonly wholeKey?: boolean
    }
  /** No provider of the model can be called now: circuits are open, keys closed. */
  | { readonly kind: 'shut'; readonly message: string; readonly retryAfterMs: number }
  /** The next call would go over a budget of the task or of its tenant. */
  | { readonly kind: 'budget'; readonly message: string }
  /** The budget is in USD, and the configuration has no price for the model. */
  | { readonly kind: 'no-price'; readonly message: string }
  /** There was no connection, or it broke within the answer. */
  | { readonly kind: 'connection'; readonly message: string }
  /** The provider was silent, or streamed, for too long. */
  | { readonly kind: 'timeout'; readonly message: string }
  /** The provider's answer is unreadable. */
  | { readonly kind: 'malformed'; readonly message: string }
  /** The provider answered with neither text nor tool calls. */
  | { readonly kind: 'empty-answer'; readonly message: string }
  /** The answer was cut off: at its token limit, or for an unknown reason. */
  | { readonly kind: 'answer-cut'; readonly message: string }
  /** The provider withheld its answer, or the model refused. */
  | { readonly kind: 'withheld'; readonly message: string }
  | { readonly kind: 'no-provider'; readonly message: string }
  | { readonly kind: 'output-too-large'; readonly message: string }
  | { readonly kind: 'too-many-turns'; readonly message: string }
  | { readonly kind: 'too-many-tool-calls'; readonly message: string }
  /** `retryable`: the tool said that the same call may succeed later. */
  | { readonly kind: 'tool-failed'; readonly message: string; readonly retryable: boolean }
  /** The agent lists a tool that this node does not have now. */
  | { readonly kind: 'tool-missing'; readonly message: string }
  /** The tenant may not use a tool that the agent names. */
  | { readonly kind: 'tool-denied'; readonly message: string }
  /** The answer violates the schema, although the model received its faults several times. */
  | { readonly kind: 'invalid-output'; readonly message: string }
  /** The schema for answers is invalid. */
  | { readonly kind: 'invalid-schema'; readonly message: string }
  /** Checking an answer by the schema costs too much. */
  | { readonly kind: 'schema-too-costly'; readonly message: string }
  | { readonly kind: 'deadline'; readonly message: string }
  /** The run itself names the code under which it fails permanently: a goal without a plan, a limit reached. */
  | { readonly kind: 'given-up'; readonly code: string; readonly message: string }
  /** A defect of the worker itself. */
  | { readonly kind: 'defect'; readonly message: string }

/**
 * Whether the failure is the node's fault: failures of the provider or of the task would have occurred on any
 * node.
 */
export function isNodeFailure({ kind }: Failure): boolean {
  return kind === 'defect' || kind === 'no-provider'
}

/** How an attempt's failure is reported; `code` is stable, `retryable` decides about another attempt. */
interface FailureClass {
  readonly code: string
  readonly retryable: boolean
}

/** The code of each kind of failure that has one. */
const CODE_OF: Record<Exclude<Failure['kind'], 'status' | 'given-up'>, TaskCode> = {
  shut: 'provider-unavailable',
  budget: 'budget-exceeded',
  'no-price': 'no-price',
  connection: 'provider-unavailable',
  timeout: 'provider-timeout',
  malformed: 'provider-unavailable',
  'empty-answer': 'empty-answer',
  'answer-cut': 'answer-cut',
  withheld: 'provider-refused',
  'no-provider': 'provider-refused',
  'output-too-large': 'output-too-large',
  'too-many-turns': 'too-many-turns',
  'too-many-tool-calls': 'too-many-tool-calls',
  'tool-failed': 'tool-failed',
  'tool-missing': 'tool-missing',
  'tool-denied': 'tool-denied',
  'invalid-output': 'invalid-output',
  'invalid-schema': 'invalid-schema',
  'schema-too-costly': 'schema-too-costly',
  deadline: 'deadline-exceeded',
  defect: 'worker-defect',
}

/**
 * Client errors that mean "not now" rather than "never": a timeout, a conflict, too early, too many requests,
 * Groq's "no capacity", and nginx's "client closed request" from a gateway that gave up.
 */
const PASSING: readonly number[] = [408, 409, 425, 429, 498, 499]

/** Whether the failure is the called provider's fault, so that another provider may succeed. */
export function isProviderFault(failure: Failure): boolean {
  if (failure.kind === 'status') return failure.status >= 500 || PASSING.includes(failure.status)
  return ['connection', 'timeout', 'malformed'].includes(failure.kind)
}

/** The time after which the provider accepts calls again, if it named one. */
export function retryAfterOf(failure: Failure): number | undefined {
  return failure.kind === 'status' || failure.kind === 'shut' ? failure.retryAfterMs : undefined
}

/** Whether another attempt may succeed, and the code of the failure. */
export function classifyFailure(failure: Failure): FailureClass {
  if (failure.kind === 'given-up') return { code: failure.code, retryable: false }
  if (failure.kind === 'status') return classOf(codeOfStatus(failure.status))
  const said = classOf(CODE_OF[failure.kind])
  // A tool says itself whether the same call may succeed later.
  return failure.kind === 'tool-failed' ? { ...said, retryable: failure.retryable } : said
}

function classOf(code: TaskCode): FailureClass {
  return { code, retryable: FAILURE_CODES[code].task.retryable }
}

function codeOfStatus(status: number): TaskCode {
  if (status === 429) return 'provider-overloaded'
  if (status === 408 || status === 504 || status === 524) return 'provider-timeout'
  if (status >= 500 || PASSING.includes(status)) return 'provider-unavailable'
  return 'provider-refused'
}
