import type { FieldError, Problem } from '@agentfleet/protocol'

/** Every refusal of the API: one code, one status, one title, and the seconds to wait when retryable. */
const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request does not fit the API' },
  'malformed-body': { status: 400, title: 'The body is not JSON' },
  'invalid-cursor': { status: 400, title: 'The cursor is of another listing' },
  unauthorized: { status: 401, title: 'No valid API key' },
  'origin-refused': { status: 403, title: 'This web page may not connect' },
  'operators-only': { status: 403, title: 'Only operators may read this' },
  'task-not-found': { status: 404, title: 'No such task' },
  'decision-not-found': { status: 404, title: 'No such decision' },
  'incident-not-found': { status: 404, title: 'No such incident' },
  'agent-not-found': { status: 404, title: 'No such definition' },
  'schedule-not-found': { status: 404, title: 'No such schedule' },
  'path-not-found': { status: 404, title: 'No such path' },
  'not-finished': { status: 409, title: 'The task has not ended' },
  'agent-shipped': { status: 409, title: 'A shipped definition stays' },
  'agents-full': { status: 409, title: 'Too many definitions' },
  'version-mismatch': { status: 412, title: 'It is of another version' },
  'not-waiting': { status: 409, title: 'The task does not wait for this' },
  'decided-otherwise': { status: 409, title: 'The step was decided the other way' },
  'schedules-full': { status: 409, title: 'Too many schedules' },
  'already-finished': { status: 409, title: 'The task has already ended' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'Only JSON is understood' },
  'unknown-agent-version': { status: 422, title: 'No such version of the definition' },
  'journal-gone': { status: 409, title: 'The journal is not kept any more' },
  'journal-too-large': { status: 422, title: 'The journal is too large to begin with' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key has another body' },
  'unknown-dependency': { status: 422, title: 'A task that this one depends on is not there' },
  'upgrade-required': { status: 426, title: 'This path is a WebSocket' },
  'too-many-connections': { status: 429, title: 'Too many connections', retryAfterS: 5 },
  internal: { status: 500, title: 'The gateway failed' },
  overloaded: { status: 503, title: 'Too much at once', retryAfterS: 1 },
  'log-full': { status: 503, title: 'No room for new tasks', retryAfterS: 10 },
  'outcome-unknown': { status: 503, title: 'Not known whether it was stored', retryAfterS: 1 },
  'bus-unavailable': { status: 503, title: 'The bus does not answer', retryAfterS: 2 },
  'store-unavailable': { status: 503, title: 'The store does not answer', retryAfterS: 2 },
  'coordinator-unavailable': { status: 503, title: 'No coordinator answers', retryAfterS: 2 },
} as const satisfies Record<string, { status: number; title: string; retryAfterS?: number }>

/** The stable code of a refusal. */
export type ProblemCode = keyof typeof PROBLEMS

/** The media type of RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json'

/** A refusal that ends the handling of a request. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ProblemCode
  readonly errors: readonly FieldError[] | undefined
  constructor(code: ProblemCode, detail: string, errors?: readonly FieldError[]) {
    super(detail)
    this.code = code
    this.errors = errors
  }
}

/** Refuses a request for one field of it; the detail follows the field's name in a sentence. */
export function wrongField(pointer: string, detail: string): Refusal {
  return new Refusal('invalid-request', `Correct the request: ${pointer} ${detail}.`, [
    { pointer, detail },
  ])
}

/** The refusal as it is sent. */
export function toProblem({ code, message, errors }: Refusal): Problem {
  const { status, title } = PROBLEMS[code]
  return {
    type: `urn:agentfleet:problem:${code}`,
    title,
    status,
    detail: message,
    code,
    ...(errors === undefined ? {} : { errors: [...errors] }),
  }
}

/** Seconds after which the same request may be sent again; undefined when that would not help. */
export function retryAfterS(code: ProblemCode): number | undefined {
  const entry = PROBLEMS[code]
  return 'retryAfterS' in entry ? entry.retryAfterS : undefined
}

/** An error of the validator, as far as it is told. */
export interface InvalidPlace {
  readonly instancePath?: string
  readonly keyword?: string
  readonly message?: string | undefined
  readonly params?: Readonly<Record<string, unknown>>
}

/** The parts of a request as the document names them. */
const PART_NAMES: Readonly<Record<string, string>> = {
  querystring: 'query',
  headers: 'header',
  params: 'path',
}

/** What is wrong in which place, in words for whoever sent it. */
export function fieldErrors(places: readonly InvalidPlace[], part: string): FieldError[] {
  return places.map(({ instancePath = '', keyword, message, params = {} }) => {
    const base = part === 'body' ? instancePath : `${PART_NAMES[part] ?? part}${instancePath}`
    switch (keyword ?? '') {
      case 'additionalProperties':
        return {
          pointer: `${base}/${escapeToken(String(params['additionalProperty']))}`,
          detail: 'is not a known field; remove it or correct its name',
        }
      case 'required':
        return {
          pointer: `${base}/${escapeToken(String(params['missingProperty']))}`,
          detail: 'is required',
        }
      case 'enum':
        return {
          pointer: base,
          detail: `must be one of ${JSON.stringify(params['allowedValues'])}`,
        }
      case 'format':
        return { pointer: base, detail: formatDetail(params['format']) }
      default:
        return { pointer: base, detail: message ?? 'is not valid' }
    }
  })
}

function formatDetail(format: unknown): string {
  return format === 'date'
    ? 'must be a day of the calendar such as 2026-01-31'
    : 'must be an instant with its time zone such as 2026-01-31T12:00:00Z'
}

function escapeToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
