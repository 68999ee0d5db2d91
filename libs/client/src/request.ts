import { ClientError } from './error.ts'

/** Options of every request. */
export interface RequestOptions {
  readonly signal?: AbortSignal
}

/** With the same key a repeated request has one effect. */
export interface KeyOptions extends RequestOptions {
  readonly idempotencyKey?: string
}

/** The header that carries this key, if there is one. */
export function keyHeader(idempotencyKey: string | undefined): Record<string, string> {
  return idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }
}

/** The address of a path; the gateway may stand below a path of its server. */
export function addressOf(baseUrl: string, path: string): URL {
  return new URL(`${baseUrl.replace(/\/+$/, '')}${path}`)
}

/** An id or a name as one part of a path. */
export function pathPart(id: string): string {
  // Half of a character cannot be encoded; no id contains one, so the gateway answers that there is no such thing.
  return encodeURIComponent(id.toWellFormed())
}

/** What a URL leaves out of a path, even percent-encoded. */
const LEFT_OUT = /\/(?:\.\.?)?(?:\/|$)/

/** Throws a ClientError for a path that a URL would shorten to another path, which may belong to another operation. */
export function requireWhole(path: string): void {
  const [asked = ''] = path.split('?', 1)
  if (!LEFT_OUT.test(asked)) return
  throw new ClientError({
    type: 'urn:agentfleet:problem:invalid-request',
    title: 'Invalid request',
    status: 400,
    detail:
      'Nothing was sent. No id or name is empty, "." or "..", because a URL cannot carry these.',
    code: 'invalid-request',
  })
}

/** One request. */
export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  readonly extraMs?: number
}

/** A POST that has one effect however often it is repeated, if the caller gives a key. */
export function keyedPost({ idempotencyKey, signal }: KeyOptions = {}, body?: unknown): Call {
  return { method: 'POST', body, headers: keyHeader(idempotencyKey), signal }
}

/** The version to change. */
export interface VersionOptions extends RequestOptions {
  readonly ifVersion?: number
}

/** How requests are sent. */
export type SendCall = <T>(path: string, options?: Call) => Promise<T>

/** The calls that replace and delete a definition, as a whole and only at the expected version. */
export function versionedCalls(call: SendCall, pathOf: (name: string) => string) {
  return {
    put: <T>(name: string, body: object, { signal, ifVersion }: VersionOptions = {}): Promise<T> =>
      call(pathOf(name), { method: 'PUT', body, headers: versionHeaders(ifVersion), signal }),
    remove: (name: string, { signal, ifVersion }: VersionOptions = {}): Promise<void> =>
      call(pathOf(name), { method: 'DELETE', headers: versionHeaders(ifVersion), signal }),
  }
}

/** The headers that name the expected version; 0 stands for none. */
function versionHeaders(version: number | undefined): Record<string, string> {
  if (version === undefined) return {}
  return version === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` }
}
