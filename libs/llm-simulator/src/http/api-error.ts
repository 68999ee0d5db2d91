/** A refusal, in the fields of OpenAI's error object. */
export interface ApiError {
  readonly status: number
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
  readonly retryAfterMs?: number
}

/** The request itself is invalid. */
export function invalidRequest(
  message: string,
  param: string | null = null,
  code: string | null = null,
  status = 400,
): ApiError {
  return { status, message, type: 'invalid_request_error', param, code }
}

/** A value of a request, or why the request is refused. */
export type Checked<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'refused'; readonly error: ApiError }

/** Refuses an invalid request. */
export function refused(...parts: Parameters<typeof invalidRequest>) {
  return { kind: 'refused', error: invalidRequest(...parts) } as const
}

/** The body of a refusal. */
export function errorBody(error: ApiError): string {
  const { message, type, param, code } = error
  return JSON.stringify({ error: { message, type, param, code } })
}

/** The headers of a refusal, with both forms of the retry time that OpenAI's clients read. */
export function errorHeaders(error: ApiError): Record<string, string> {
  if (error.retryAfterMs === undefined) return {}
  return {
    'retry-after': String(Math.ceil(error.retryAfterMs / 1_000)),
    'retry-after-ms': String(Math.ceil(error.retryAfterMs)),
  }
}
