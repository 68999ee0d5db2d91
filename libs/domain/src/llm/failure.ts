import { FAILURE_CODES, type TaskCode } from '../failure/failure-codes.ts'

/** The kinds of failures that say no more than a message, with their codes. */
const CODE_OF = {
  /** The next call would go over a budget of the task or of its tenant. */
  budget: 'budget-exceeded',
  /** The budget is in USD, and the configuration has no price for the model. */
  'no-price': 'no-price',
  /** There was no connection, or it broke within the answer. */
  connection: 'provider-unavailable',
  /** The provider was silent, or streamed, for too long. */
  timeout: 'provider-timeout',
  /** The provider's answer is unreadable. */
  malformed: 'provider-unavailable',
  /** The provider answered with neither text nor tool calls. */
  'empty-answer': 'empty-answer',
  /** The answer was cut off: at its token limit, or for an unknown reason. */
  'answer-cut': 'answer-cut',
  /** The provider withheld its answer, or the model refused. */
  withheld: 'provider-refused',
  'no-provider': 'provider-refused',
  'output-too-large': 'output-too-large',
  'too-many-turns': 'too-many-turns',
  'too-many-tool-calls': 'too-many-tool-calls',
  /** The agent lists a tool that this node does not have now. */
  'tool-missing': 'tool-missing',
  /** The tenant may not use a tool that the agent names. */
  'tool-denied': 'tool-denied',
  /** The answer violates the schema, although the model received its faults several times. */
  'invalid-output': 'invalid-output',
  /** The schema for answers is invalid. */
  'invalid-schema': 'invalid-schema',
  /** Checking an answer by the schema costs too much. */
  'schema-too-costly': 'schema-too-costly',
  deadline: 'deadline-exceeded',
  /** A defect of the worker itself. */
  defect: 'worker-defect',
} as const satisfies Record<string, TaskCode>

/** The failure of an attempt, in terms that do not depend on the library that reported it. */
export type Failure =
  | { readonly kind: keyof typeof CODE_OF; readonly message: string }
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
  /** `retryable`: the tool said that the same call may succeed later. */
  | { readonly kind: 'tool-failed'; readonly message: string; readonly retryable: boolean }
  /** The run itself names the code under which it fails permanently: a goal without a plan, a limit reached. */
  | { readonly kind: 'given-up'; readonly code: string; readonly message: string }

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
  if (failure.kind === 'shut') return classOf('provider-unavailable')
  // A tool says itself whether the same call may succeed later.
  if (failure.kind === 'tool-failed') return { code: 'tool-failed', retryable: failure.retryable }
  return classOf(CODE_OF[failure.kind])
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
