/** Stable codes of failures of the outside world and of refusals. */
export type ErrorCode =
  | 'bus-unavailable'
  | 'bus-timeout'
  | 'log-full'
  | 'outcome-unknown'
  | 'store-unavailable'
  | 'registry-unavailable'
  | 'overloaded'
  | 'bad-message'
  | 'too-large'
  | 'not-found'
  | 'config-invalid'
  | 'orchestrator-unavailable'

/** A failure of the outside world, wrapped once by the adapter that met it. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly retryable: boolean
  constructor(
    code: ErrorCode,
    message: string,
    options: { retryable: boolean; cause?: unknown } = { retryable: true },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable
  }
}
