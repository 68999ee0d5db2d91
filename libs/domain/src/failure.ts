/** What went wrong in an attempt, freed of the library that met it. */
export type Failure =
  /** The provider answered with an HTTP status that is no success. */
  | { readonly kind: 'status'; readonly status: number; readonly message: string }
  /** No connection, or one that broke off within the answer. */
  | { readonly kind: 'connection'; readonly message: string }
  /** The provider stayed silent, or talked, for too long. */
  | { readonly kind: 'timeout'; readonly message: string }
  /** The provider's answer cannot be read. */
  | { readonly kind: 'malformed'; readonly message: string }
  /** The provider withheld its answer. */
  | { readonly kind: 'withheld'; readonly message: string }
  | { readonly kind: 'no-provider'; readonly message: string }
  | { readonly kind: 'output-too-large'; readonly message: string }
  | { readonly kind: 'too-many-turns'; readonly message: string }
  | { readonly kind: 'too-many-tool-calls'; readonly message: string }
  | { readonly kind: 'tool-failed'; readonly message: string }
  | { readonly kind: 'deadline'; readonly message: string }
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

const FIXED: Record<Exclude<Failure['kind'], 'status'>, FailureClass> = {
  connection: { code: 'provider-unavailable', retryable: true },
  timeout: { code: 'provider-timeout', retryable: true },
  malformed: { code: 'provider-unavailable', retryable: true },
  withheld: { code: 'provider-refused', retryable: false },
  'no-provider': { code: 'provider-refused', retryable: false },
  'output-too-large': { code: 'output-too-large', retryable: false },
  'too-many-turns': { code: 'too-many-turns', retryable: false },
  'too-many-tool-calls': { code: 'too-many-tool-calls', retryable: false },
  'tool-failed': { code: 'tool-failed', retryable: false },
  deadline: { code: 'deadline-exceeded', retryable: false },
  // Another node may run another version; what fails everywhere ends by its maxAttempts.
  defect: { code: 'worker-defect', retryable: true },
}

/** Whether another attempt may help, and under which code the failure is known. */
export function classifyFailure(failure: Failure): FailureClass {
  if (failure.kind !== 'status') return FIXED[failure.kind]
  const { status } = failure
  if (status === 429) return { code: 'provider-overloaded', retryable: true }
  if (status === 408 || status === 504) return { code: 'provider-timeout', retryable: true }
  // A conflict says "not now" rather than "not this".
  if (status >= 500 || status === 409) return { code: 'provider-unavailable', retryable: true }
  return { code: 'provider-refused', retryable: false }
}
