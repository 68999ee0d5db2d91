import {
  closest,
  correctionOf,
  FAILURE_CODES,
  shortened,
  type FailureCode,
  type ProblemCode,
} from '@agentfleet/domain'
import type { FieldError, Problem } from '@agentfleet/protocol'

/** The media type of RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json'

/** An error that ends a request with a problem document. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ProblemCode
  readonly errors: readonly FieldError[] | undefined
  /** Milliseconds after which the client may repeat the request; undefined if repeating is useless. */
  readonly retryAfterMs: number | undefined
  constructor(
    code: ProblemCode,
    detail: string,
    errors?: readonly FieldError[],
    retryAfterMs = retryAfterMsOf(code),
  ) {
    // A refusal is an expected outcome: its stack says nothing, and costs more than all other steps of a flood.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(detail)
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.errors = errors
    this.retryAfterMs = retryAfterMs
  }
}

/** Characters of a caller's text that a refusal repeats: no name of the API is longer. */
const REPEATED_CHARS_MAX = 200

/** A text of the caller as a refusal repeats it: the rest of a longer text is left out. */
export function repeated(text: string): string {
  return shortened(text, REPEATED_CHARS_MAX)
}

/** The most wrong places that the sentence of a refusal names; its list of errors has all of them. */
const PLACES_MAX = 20

/** Refuses a request because of these fields. */
export function wrongPlaces(errors: readonly FieldError[]): Refusal {
  const places = errors
    .slice(0, PLACES_MAX)
    .map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`)
  const more = errors.length > PLACES_MAX ? `; and ${errors.length - PLACES_MAX} more places` : ''
  return new Refusal('invalid-request', `Correct the request: ${places.join('; ')}${more}.`, errors)
}

/** Refuses a request because of one field; the detail continues a sentence that begins with the field. */
export function wrongField(pointer: string, detail: string): Refusal {
  return wrongPlaces([{ pointer, detail }])
}

/** Returns a refusal of one part of a body as a refusal of the body. */
export function inPart(part: string, refusal: Refusal): Refusal {
  const { code, message, errors } = refusal
  if (errors === undefined) return refusal
  const detail = errors.reduce(
    (text, { pointer }) => text.replace(` ${pointer} `, () => ` ${part}${pointer} `),
    message,
  )
  const moved = errors.map((each) => ({ ...each, pointer: `${part}${each.pointer}` }))
  return new Refusal(code, detail, moved)
}

/** The question after an unknown name, with a blank before it; empty if no known name is near. */
export function meant(unknown: readonly string[], known: readonly string[]): string {
  const near = unknown.map((name) => closest(name, known)).find((name) => name !== undefined)
  return near === undefined ? '' : ` Did you mean ${near}?`
}

/** The most names in a refusal; a GET of the API lists all known ones. */
const NAMES_SHOWN_MAX = 40

/** Names as a refusal lists them. */
export function shown(names: readonly string[]): string {
  const listed = names.slice(0, NAMES_SHOWN_MAX).map(repeated).join(', ')
  const more = names.length - NAMES_SHOWN_MAX
  return more > 0 ? `${listed}, and ${more} more` : listed
}

/** Converts the refusal to its problem document. */
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

function retryAfterMsOf(code: ProblemCode): number | undefined {
  const http: FailureCode['http'] = FAILURE_CODES[code].http
  return http?.retryAfterS === undefined ? undefined : http.retryAfterS * 1_000
}

/** Returns the headers of the answer with this refusal, wherever the gateway writes it. */
export function refusalHeaders({
  code,
  retryAfterMs,
}: Pick<Refusal, 'code' | 'retryAfterMs'>): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': PROBLEM_TYPE }
  if (retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.ceil(retryAfterMs / 1_000))
    headers['retry-after-ms'] = String(Math.ceil(retryAfterMs))
  }
  if (code === 'unauthorized') headers['www-authenticate'] = 'Bearer'
  return headers
}

/** The fields of a validation error that the API reports. */
interface InvalidPlace {
  readonly instancePath?: string
  readonly keyword?: string
  readonly message?: string | undefined
  readonly params?: Readonly<Record<string, unknown>>
  /** The name of a field, if the name itself is wrong. */
  readonly propertyName?: string | undefined
  /** The schema that was broken, and the value that broke it. */
  readonly parentSchema?: unknown
  readonly data?: unknown
}

/** A caller who misspells more fields uses another API. */
const UNKNOWN_MAX = 10

/** The parts of a request by their names in openapi.yaml. */
const PART_NAMES: Readonly<Record<string, string>> = {
  querystring: 'query',
  headers: 'header',
  params: 'path',
}

/** Describes each invalid field for the client. */
export function fieldErrors(places: readonly InvalidPlace[], part: string): FieldError[] {
  const last = places.at(-1)
  if (last?.keyword !== 'anyOf') return distinct(errorsOf(places, part))
  // The value matches none of the allowed forms, so the detail lists all of them.
  const tried = errorsOf(places.slice(0, -1), part)
  const detail = tried.map((each) => each.detail).join(', or ')
  return tried.slice(0, 1).map(({ pointer }) => ({ pointer, detail }))
}

/** Each missing field of an object is found once for every other one. */
function distinct(errors: readonly FieldError[]): FieldError[] {
  return [...new Map(errors.map((each) => [`${each.pointer} ${each.detail}`, each])).values()]
}

function errorsOf(places: readonly InvalidPlace[], part: string): FieldError[] {
  return places.flatMap((place) => {
    const { instancePath = '', keyword, message, params = {}, propertyName } = place
    const path = pointerTo(instancePath)
    const base = part === 'body' ? path : `${PART_NAMES[part] ?? part}${path}`
    if (propertyName !== undefined) {
      const [error] = errorsOf([{ ...place, propertyName: undefined }], part)
      const detail = `is a name that ${error?.detail ?? 'is not valid'}`
      return [inside(base, propertyName, detail)]
    }
    switch (keyword ?? '') {
      // The error about the name comes before it.
      case 'propertyNames':
        return []
      case 'additionalProperties':
      case 'required':
        return wrongNames(base, place)
      case 'enum':
        return [{ pointer: base, detail: enumDetail(params['allowedValues'], place.data) }]
      case 'pattern':
        return [{ pointer: base, detail: FITS[String(params['pattern'])] ?? 'is not valid' }]
      case 'uniqueItems':
        return [{ pointer: base, detail: twiceDetail(params) }]
      case 'type':
        // A parameter that is sent twice arrives as a list.
        if (part !== 'querystring' || !Array.isArray(place.data)) break
        return [{ pointer: base, detail: 'must be sent only once' }]
      case 'format':
        return [{ pointer: base, detail: formatDetail(params['format']) }]
    }
    const size = sizeDetail(keyword, params['limit'])
    return [{ pointer: base, detail: size ?? message ?? 'is not valid' }]
  })
}

/**
 * The unknown and the missing fields of an object together: a misspelt name is often the reason why another is
 * missing.
 */
function wrongNames(base: string, { params = {}, parentSchema = {}, data = {} }: InvalidPlace) {
  const { properties = {}, required = [], additionalProperties } = parentSchema as ObjectSchema
  const given = data as Readonly<Record<string, unknown>>
  const names = Object.keys(properties)
  const closed = additionalProperties === false && names.length > 0
  const others = closed ? Object.keys(given).filter((name) => !Object.hasOwn(properties, name)) : []
  const unknown = together(params['additionalProperty'], others).slice(0, UNKNOWN_MAX)
  const lacking = required.filter((name) => !Object.hasOwn(given, name))
  return [
    ...unknown.map((name) => {
      const advice = closed ? correctionOf(name, names) : 'remove it'
      return inside(base, name, `is not a known field (${advice})`)
    }),
    ...together(params['missingProperty'], lacking).map((name) =>
      inside(base, name, 'is required'),
    ),
  ]
}

/** The error of a field of the object at this pointer. */
function inside(base: string, name: string, detail: string): FieldError {
  return { pointer: `${base}/${tokenOf(name)}`, detail }
}

/** The name that the validation found, if it found one, and the others. */
function together(found: unknown, others: readonly string[]): readonly string[] {
  return [...new Set(typeof found === 'string' ? [found, ...others] : others)]
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, unknown>>
  readonly required?: readonly string[]
  readonly additionalProperties?: unknown
}

function enumDetail(allowed: unknown, data: unknown): string {
  const detail = `must be one of ${JSON.stringify(allowed)}`
  const names = Array.isArray(allowed) ? allowed.map(String) : []
  const near = typeof data === 'string' ? closest(data, names) : undefined
  return near === undefined ? detail : `${detail} (did you mean "${near}"?)`
}

function twiceDetail({ i, j }: Readonly<Record<string, unknown>>): string {
  return `must not have the same item twice (items ${String(i)} and ${String(j)} are the same)`
}

/** The limits of sizes in openapi.yaml, as words around the number. */
const SIZES: Readonly<Record<string, readonly [bound: string, counted: string]>> = {
  minLength: ['at least', 'character'],
  maxLength: ['at most', 'character'],
  minItems: ['at least', 'item'],
  maxItems: ['at most', 'item'],
  minProperties: ['at least', 'field'],
  maxProperties: ['at most', 'field'],
}

function sizeDetail(keyword: string | undefined, limit: unknown): string | undefined {
  const [bound, counted] = SIZES[keyword ?? ''] ?? []
  if (bound === undefined) return undefined
  return `must have ${bound} ${String(limit)} ${counted}${limit === 1 ? '' : 's'}`
}

/** The patterns of openapi.yaml, which few readers understand, and what fits them. */
const FITS: Readonly<Record<string, string>> = {
  '^[a-z2-8]{12}$':
    'must be the id of a key: the 12 characters between af_ and the next _ (GET /v1/keys lists the ids)',
  '^[a-z0-9][a-z0-9_-]{0,63}$':
    'must have 1 to 64 lower-case letters, digits, _ or -, and begin with a letter or a digit',
  '^[a-z0-9][a-z0-9_-]*$':
    'must have only lower-case letters, digits, _ or -, and begin with a letter or a digit',
  '^[a-z0-9][a-z0-9-]{0,63}$':
    'must have 1 to 64 lower-case letters, digits or -, and begin with a letter or a digit',
  '^[a-z0-9][a-z0-9-]{0,47}$':
    'must be the name of a tenant: 1 to 48 lower-case letters, digits or -, beginning with a letter or a digit',
  '^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$':
    'must have 1 to 64 letters, digits, blanks, _, . or -, and begin with a letter or a digit',
  '^[A-Za-z0-9][!-~]{0,199}$':
    'must have 1 to 200 ASCII characters without blanks, and begin with a letter or a digit',
  '^[A-Za-z0-9][A-Za-z0-9_./*-]{0,127}$':
    'must be the name of a tool: 1 to 128 letters, digits, _, ., /, * or -, beginning with a letter or a digit',
  '^[ -~]+$': 'must have only printable ASCII characters',
  '^(model|hour|agent|tenant|metadata\\.[A-Za-z0-9_.-]{1,64})$':
    'must be model, hour, agent, tenant, or metadata. and the name of a metadata key',
  '^(\\*|"[0-9]{1,15}")$': 'must be * or the ETag of a version with its quotes, such as "3"',
  '^(.{36}|#[0-9]{1,3})$':
    'must be the id of a task or, in a batch, # and the position of an earlier task',
  '^[^\\s\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069][^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*$':
    'must be one line of text that begins with a visible character and has no control characters',
}

function formatDetail(format: unknown): string {
  return format === 'date'
    ? 'must be a day such as 2026-01-31'
    : 'must be a time with a time zone, such as 2026-01-31T12:00:00Z'
}

/** A pointer into the body, in which a name of the caller may be of any length. */
function pointerTo(instancePath: string): string {
  if (instancePath.length <= REPEATED_CHARS_MAX) return instancePath
  const names = instancePath
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  return names.map(tokenOf).join('/')
}

function tokenOf(name: string): string {
  return repeated(name).replaceAll('~', '~0').replaceAll('/', '~1')
}
