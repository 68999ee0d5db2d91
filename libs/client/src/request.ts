/** Options of every request. */
export interface RequestOptions {
  readonly signal?: AbortSignal
}

/** The address of a path; the gateway may stand below a path of its server. */
export function addressOf(baseUrl: string, path: string): URL {
  return new URL(`${baseUrl.replace(/\/+$/, '')}${path}`)
}

/** One request. */
export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  readonly extraMs?: number
}

/** The version to change. */
export interface VersionOptions extends RequestOptions {
  readonly ifVersion?: number
}

/** The headers that name the expected version; 0 stands for none. */
export function versionHeaders(version: number | undefined): Record<string, string> {
  if (version === undefined) return {}
  return version === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` }
}
