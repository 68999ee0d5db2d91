import { FAILURE_CODES, type TaskCode } from '../failure/failure-codes.ts'

/** What went wrong in an attempt, freed of the library that met it. */
export type Failure =
  /** The provider answered with an HTTP status that is no success. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly message: string
      /** When the provider wants to hear of us again. */
      readonly retryAfterMs?: number
      /** A refusal for its rate that concerns every model behind the key. */
      readonly wholeKey?: boolean
    }
  /** Nothing that serves the model can be called now: circuits are open, keys closed. */
  | { readonly kind: 'shut'; readonly message: string; readonly retryAfterMs: number }
  /** The next call would go over a budget of the task or of its tenant. */
  | { readonly kind: 'budget'; readonly message: string }
  /** No connection, or one that broke off within the answer. */
  | { readonly kind: 'connection'; readonly message: string }
  /** The provider stayed silent, or talked, for too long. */
  | { readonly kind: 'timeout'; readonly message: string }
  /** The provider's answer cannot be read. */
  | { readonly kind: 'malformed'; readonly message: string }
  /** The provider answered with neither text nor tool calls. */
  | { readonly kind: 'empty-answer'; readonly message: string }
  /** The answer ended before its end: at its token limit, or for a reason that is not known. */
  | { readonly kind: 'answer-cut'; readonly message: string }
  /** The provider withheld its answer, or the model refused. */
  | { readonly kind: 'withheld'; readonly message: string }
  | { readonly kind: 'no-provider'; readonly message: string }
  | { readonly kind: 'output-too-large'; readonly message: string }
  | { readonly kind: 'too-many-turns'; readonly message: string }
  | { readonly kind: 'too-many-tool-calls'; readonly message: string }
  /** `retryable`: the tool said that the same call may work later. */
  | { readonly kind: 'tool-failed'; readonly message: string; readonly retryable: boolean }
  /** The agent names a tool that this node does not have, now. */
  | { readonly kind: 'tool-missing'; readonly message: string }
  /** The answer does not satisfy the schema, however often the model was told what is wrong. */
  | { readonly kind: 'invalid-output'; readonly message: string }
  /** The schema that answers have to satisfy is none. */
  | { readonly kind: 'invalid-schema'; readonly message: string }
  /** Checking an answer by the schema costs more than any answer is worth. */
  | { readonly kind: 'schema-too-costly'; readonly message: string }
  | { readonly kind: 'deadline'; readonly message: string }
  /** The run itself says under which code it ends for good: a goal without a plan, a limit met. */
  | { readonly kind: 'given-up'; readonly code: string; readonly message: string }
  /** A defect of the worker itself. */
  | { readonly kind: 'defect'; readonly message: string }

/**
 * Whether the node is to blame: what the provider answered or left unanswered, and what a task asked for,
 * would have failed elsewhere too.
 */
export function isNodeFailure({ kind }: Failure): boolean {
  return kind === 'defect' || kind === 'no-provider'
}

/** How an attempt's failure is reported; `code` is stable, `retryable` decides on a next attempt. */
export interface FailureClass {
  readonly code: string
  readonly retryable: boolean
}

/** The code of each kind of failure that has one. */
const CODE_OF: Record<Exclude<Failure['kind'], 'status' | 'given-up'>, TaskCode> = {
  shut: 'provider-unavailable',
  budget: 'budget-exceeded',
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
  'invalid-output': 'invalid-output',
  'invalid-schema': 'invalid-schema',
  'schema-too-costly': 'schema-too-costly',
  deadline: 'deadline-exceeded',
  defect: 'worker-defect',
}

/**
 * Client errors that say "not now" rather than "not this": a timeout, a conflict, too early, too many
 * requests, Groq's "no capacity", and nginx's "the client has gone" of a gateway that gave up.
 */
const PASSING: readonly number[] = [408, 409, 425, 429, 498, 499]

/** Whether the provider that was called is to blame, so that another one may do better. */
export function isProviderFault(failure: Failure): boolean {
  if (failure.kind === 'status') {
    return failure.status >= 500 || PASSING.includes(failure.status)
  }
  return ['connection', 'timeout', 'malformed'].includes(failure.kind)
}

/** When the provider wants to hear of us again, if it said so. */
export function retryAfterOf(failure: Failure): number | undefined {
  return failure.kind === 'status' || failure.kind === 'shut' ? failure.retryAfterMs : undefined
}

/** Whether another attempt may help, and under which code the failure is known. */
export function classifyFailure(failure: Failure): FailureClass {
  if (failure.kind === 'given-up') return { code: failure.code, retryable: false }
  if (failure.kind === 'status') return classOf(codeOfStatus(failure.status))
  const said = classOf(CODE_OF[failure.kind])
  // A tool says itself whether the same call may work later.
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
