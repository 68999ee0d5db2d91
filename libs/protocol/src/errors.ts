import { FAILURE_CODES, type ServiceCode } from '@agentfleet/domain'

/** A failure of the outside world, wrapped once by the adapter that saw it. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ServiceCode
  readonly retryable: boolean
  constructor(
    code: ServiceCode,
    message: string,
    options: { retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? FAILURE_CODES[code].service.retryable
  }
}
