/** Classes of a task's failures, as far as they decide when to retry. */
export type RetryClass =
  | 'provider-overload'
  | 'provider-unavailable'
  | 'timeout'
  | 'invalid-output'
  | 'empty-answer'
  | 'tool-failure'
  | 'refusal'
  | 'limit'
  | 'defect'

/** The meaning of a code in each place where it may appear. */
export interface FailureCode {
  /** One sentence for people that says what happened. */
  readonly says: string
  /** As the error of a task; `retryable`: another attempt may succeed. */
  readonly task?: { readonly class: RetryClass; readonly retryable: boolean }
  /**
   * As a problem document of the API. `retryAfterS`: the same request may be sent again after that. `unchanged`: the
   * server failed, and it has certainly changed nothing.
   */
  readonly http?: {
    readonly status: number
    readonly title: string
    readonly retryAfterS?: number
    readonly unchanged?: true
  }
  /** As an error that a service gets; `retryable`: the same call may succeed later. */
  readonly service?: { readonly retryable: boolean }
  /** As an error frame of the WebSocket. */
  readonly frame?: true
}
