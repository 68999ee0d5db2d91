import { signal } from '@preact/signals'
import { jsonIn } from '@agentfleet/domain'
import type { FieldError, Problem } from '@agentfleet/protocol'
import { url } from '../shell/router.ts'
import { apiKey, refuseKey } from './key.ts'

/** A gateway that answers later than this counts as unreachable, milliseconds. */
const TIMEOUT_MS = 20_000

/** A request that failed: the gateway refused it, or did not answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: string
  readonly status: number
  /** What kind of problem it is, in a few words. */
  readonly title: string
  /** Seconds after which the gateway asks the client to try again. */
  readonly retryAfterS: number | undefined
  /** The wrong fields of the request. */
  readonly errors: readonly FieldError[]

  constructor(
    problem: Pick<Problem, 'code' | 'status' | 'detail'> &
      Partial<Pick<ApiError, 'title' | 'retryAfterS' | 'errors'>>,
  ) {
    super(problem.detail)
    this.code = problem.code
    this.status = problem.status
    this.title = problem.title ?? ''
    this.retryAfterS = problem.retryAfterS
    this.errors = problem.errors ?? []
  }
}

/** The last contact with the gateway. */
export interface Contact {
  readonly answeredAtMs: number | undefined
  /** Why the last request got no answer; undefined while the gateway answers. */
  readonly failure: string | undefined
  /** How far the gateway's clock is ahead of the browser's, milliseconds. */
  readonly clockAheadMs: number
}

/** The state of the connection, as the shell shows it. */
export const contact = signal<Contact>({
  answeredAtMs: undefined,
  failure: undefined,
  clockAheadMs: 0,
})

/** Returns the time by the gateway's clock. */
export function nowMs(): number {
  return Date.now() + contact.value.clockAheadMs
}

/** What a request sends in addition to its path. */
export interface Sent {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** A key to check, in place of the key of this tab. */
  readonly key?: string
  readonly signal?: AbortSignal | undefined
}

/** Returns headers for one action: a request that is sent again with them does nothing twice. */
export function once(): Readonly<Record<string, string>> {
  return { 'idempotency-key': `console-${crypto.randomUUID()}` }
}

/** Sends a request to the API and returns the parsed answer; throws an ApiError. */
export async function request<Answer>(path: string, sent: Sent = {}): Promise<Answer> {
  const used = sent.key ?? apiKey.value
  const { response, text } = await exchange(path, sent, used)
  const { status } = response
  const answer = jsonIn(text)
  if (response.ok) {
    // No JSON text has the value undefined.
    if (answer !== undefined || text === '') return answer as Answer
    throw unreadable(status, 'text that is not JSON')
  }
  const problem = problemIn(answer)
  // The reader may have entered another key while this request was under way.
  if (status === 401 && sent.key === undefined && apiKey.value === used) {
    refuseKey(problem.detail ?? '')
  }
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
  throw new ApiError({
    ...problem,
    code: problem.code ?? UNREADABLE,
    status,
    detail: problem.detail ?? `The gateway answered ${status} without an explanation.`,
    retryAfterS: Number.isFinite(retryAfter) ? retryAfter : undefined,
  })
}

async function exchange(
  path: string,
  sent: Sent,
  key: string | undefined,
): Promise<{ readonly response: Response; readonly text: string }> {
  const { method = 'GET', body, headers, signal: given } = sent
  const late = AbortSignal.timeout(TIMEOUT_MS)
  const startedAtMs = Date.now()
  let begun = false
  try {
    const response = await fetch(url(path), {
      method,
      headers: {
        accept: 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: given === undefined ? late : AbortSignal.any([given, late]),
      credentials: 'omit',
      cache: 'no-store',
    })
    begun = true
    const text = await response.text()
    noteAnswer(response, startedAtMs)
    return { response, text }
  } catch (error) {
    if (given?.aborted) throw error
    const why = whyLost(late.aborted, begun)
    contact.value = { ...contact.value, failure: why }
    const detail = method === 'GET' ? why : `${why} ${MAY_BE_DONE}`
    throw new ApiError({ code: 'unreachable', status: 0, detail })
  }
}

/** Follows the reason if a request that changes something got no answer. */
const MAY_BE_DONE = 'It may have made the change all the same: look before you send it again.'

function whyLost(isLate: boolean, begun: boolean): string {
  if (isLate) return `The gateway did not answer in ${TIMEOUT_MS / 1_000} s.`
  return begun
    ? 'The answer of the gateway stopped in the middle.'
    : 'The gateway cannot be reached.'
}

function noteAnswer(response: Response, startedAtMs: number): void {
  const endedAtMs = Date.now()
  const date = Date.parse(response.headers.get('date') ?? '')
  const { clockAheadMs } = contact.value
  // The header has whole seconds: a smaller difference says nothing.
  const ahead = date - (startedAtMs + endedAtMs) / 2
  const differs = Number.isFinite(ahead) && Math.abs(ahead - clockAheadMs) > 2_000
  contact.value = {
    answeredAtMs: endedAtMs,
    failure: undefined,
    clockAheadMs: differs ? ahead : clockAheadMs,
  }
}

/** The code of an answer that is not what the API answers, for example that of a proxy. */
const UNREADABLE = 'unreadable-answer'

/** The error for an answer that is not what the API answers. */
export function unreadable(status: number, what: string): ApiError {
  const detail = `The gateway answered ${status} with ${what}.`
  return new ApiError({ code: UNREADABLE, status, detail })
}

/** The parts of a refusal that are what they must be: a proxy may have answered in place of the gateway. */
function problemIn(
  answer: unknown,
): Partial<Pick<Problem, 'code' | 'title' | 'detail' | 'errors'>> {
  const { code, title, detail, errors } = Object(answer) as Readonly<Record<string, unknown>>
  return {
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof title === 'string' ? { title } : {}),
    ...(typeof detail === 'string' ? { detail } : {}),
    ...(Array.isArray(errors) ? { errors: errors.filter(isFieldError) } : {}),
  }
}

function isFieldError(value: unknown): value is FieldError {
  const { pointer, detail } = Object(value) as Readonly<Record<string, unknown>>
  return typeof pointer === 'string' && typeof detail === 'string'
}
