import { FAILURE_CODES, type FailureCode, type ProblemCode } from '@agentfleet/domain'
import type { FieldError, Problem } from '@agentfleet/protocol'

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
  const { status, title } = FAILURE_CODES[code].http
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
  const http: FailureCode['http'] = FAILURE_CODES[code].http
  return http?.retryAfterS
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
  const last = places.at(-1)
  if (last?.keyword !== 'anyOf') return errorsOf(places, part)
  // Each of the forms that a value may have was tried, and it has none of them.
  const tried = errorsOf(places.slice(0, -1), part)
  const detail = tried.map((each) => each.detail).join(', or ')
  return tried.slice(0, 1).map(({ pointer }) => ({ pointer, detail }))
}

function errorsOf(places: readonly InvalidPlace[], part: string): FieldError[] {
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
    ? 'must be a day such as 2026-01-31'
    : 'must be an instant with a time zone such as 2026-01-31T12:00:00Z'
}

function escapeToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
