/** Options of every request. */
export interface RequestOptions {
  readonly signal?: AbortSignal
}

/** One request. */
export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  readonly extraMs?: number
}
