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

const FIXED: Record<
  Exclude<Failure['kind'], 'status' | 'tool-failed' | 'given-up'>,
  FailureClass
> = {
  shut: { code: 'provider-unavailable', retryable: true },
  budget: { code: 'budget-exceeded', retryable: false },
  connection: { code: 'provider-unavailable', retryable: true },
  timeout: { code: 'provider-timeout', retryable: true },
  malformed: { code: 'provider-unavailable', retryable: true },
  // Tried once more: it is often a passing fault, and each try is paid for.
  'empty-answer': { code: 'empty-answer', retryable: true },
  'answer-cut': { code: 'answer-cut', retryable: false },
  withheld: { code: 'provider-refused', retryable: false },
  'no-provider': { code: 'provider-refused', retryable: false },
  'output-too-large': { code: 'output-too-large', retryable: false },
  'too-many-turns': { code: 'too-many-turns', retryable: false },
  'too-many-tool-calls': { code: 'too-many-tool-calls', retryable: false },
  // Another node may run another image, and an MCP server may come back.
  'tool-missing': { code: 'tool-missing', retryable: true },
  // The journal holds the wrong answers: another attempt would end where this one did.
  'invalid-output': { code: 'invalid-output', retryable: false },
  'invalid-schema': { code: 'invalid-schema', retryable: false },
  deadline: { code: 'deadline-exceeded', retryable: false },
  // Another node may run another version; what fails everywhere ends by its maxAttempts.
  defect: { code: 'worker-defect', retryable: true },
}

/** Whether the provider that was called is to blame that was called, so that another one may do better. */
export function isProviderFault(failure: Failure): boolean {
  if (failure.kind === 'status') {
    return failure.status >= 500 || failure.status === 408 || failure.status === 429
  }
  return ['connection', 'timeout', 'malformed'].includes(failure.kind)
}

/** When the provider wants to hear of us again, if it said so. */
export function retryAfterOf(failure: Failure): number | undefined {
  return failure.kind === 'status' || failure.kind === 'shut' ? failure.retryAfterMs : undefined
}

/** Whether another attempt may help, and under which code the failure is known. */
export function classifyFailure(failure: Failure): FailureClass {
  if (failure.kind === 'tool-failed') {
    return { code: 'tool-failed', retryable: failure.retryable }
  }
  if (failure.kind === 'given-up') return { code: failure.code, retryable: false }
  if (failure.kind !== 'status') return FIXED[failure.kind]
  const { status } = failure
  if (status === 429) return { code: 'provider-overloaded', retryable: true }
  if (status === 408 || status === 504) return { code: 'provider-timeout', retryable: true }
  // A conflict says "not now" rather than "not this".
  if (status >= 500 || status === 409) return { code: 'provider-unavailable', retryable: true }
  return { code: 'provider-refused', retryable: false }
}
