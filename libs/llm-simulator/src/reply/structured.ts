/**
 * Answers for `response_format`: made-up JSON that satisfies the requested schema.
 *
 * The rule is always the same: a number in the middle of its range, `false`, the first name of an enum, the
 * shortest list. So a caller in a plain local fleet can recognise such an answer.
 */
import { isJsonObject, type JsonObject } from '../http/json.ts'

/** The format that a request asks for: any text, or JSON of a schema. */
export type ResponseFormat =
  | { readonly kind: 'text' }
  | { readonly kind: 'json'; readonly schema: JsonObject | undefined }

/** A made value, or why it could not be made. */
export type Made<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'refused'; readonly why: string }

/** OpenAI's limits for a schema: ten levels and five thousand fields. */
const DEPTH_MAX = 10
const VALUES_MAX = 5_000
const NAME = /^[\w-]{1,64}$/
/** Marks the answer as simulated, in every field that may hold free text. */
const TEXT = '[simulated]'
/** JavaScript numbers are exact up to this whole number; zod uses it as the bound if a schema has no bound. */
const WHOLE_MAX = Number.MAX_SAFE_INTEGER

/** Reads the `response_format` of a request as OpenAI would. */
export function parseResponseFormat(format: unknown): Made<ResponseFormat> {
  if (format === undefined || format === null) return { kind: 'ok', value: { kind: 'text' } }
  const type = isJsonObject(format) ? format['type'] : undefined
  if (type === 'text') return { kind: 'ok', value: { kind: 'text' } }
  if (type === 'json_object') return { kind: 'ok', value: { kind: 'json', schema: undefined } }
  if (type !== 'json_schema') return refused('type must be text, json_object or json_schema')
  const described = (format as JsonObject)['json_schema']
  if (!isJsonObject(described)) return refused('json_schema is missing')
  const { name, schema } = described
  if (typeof name !== 'string' || !NAME.test(name)) return refused('json_schema.name is invalid')
  if (!isJsonObject(schema)) return refused('json_schema.schema is missing')
  return { kind: 'ok', value: { kind: 'json', schema } }
}

/** JSON text that satisfies the schema; patterns and formats of texts are ignored. */
export function structuredText(schema: JsonObject | undefined): Made<string> {
  if (schema === undefined) return { kind: 'ok', value: JSON.stringify({ simulated: true }) }
  const made = valueOf(schema, { root: schema, depth: 0, budget: { left: VALUES_MAX } })
  return made.kind === 'ok' ? { kind: 'ok', value: JSON.stringify(made.value) } : made
}

interface Place {
  readonly root: JsonObject
  readonly depth: number
  /** Values that may still be made for the whole answer. */
  readonly budget: { left: number }
}

function valueOf(schema: unknown, place: Place): Made<unknown> {
  place.budget.left -= 1
  if (place.budget.left < 0) return refused(`the schema has more than ${VALUES_MAX} values`)
  if (place.depth > DEPTH_MAX) return refused(`the schema is deeper than ${DEPTH_MAX} levels`)
  if (!isJsonObject(schema)) return refused('one of the schemas is not an object')
  const inner = { ...place, depth: place.depth + 1 }
  if (schema['const'] !== undefined) return made(schema['const'])
  const { enum: members, anyOf, oneOf, $ref: ref } = schema
  if (Array.isArray(members) && members.length > 0) return made(members[0])
  const choices: unknown = anyOf ?? oneOf
  if (Array.isArray(choices)) return valueOf(choices[0], inner)
  if (typeof ref === 'string') return valueOf(targetOf(place.root, ref), inner)
  const { type } = schema
  const kind = Array.isArray(type)
    ? (type as readonly unknown[]).find((name) => name !== 'null')
    : type
  switch (kind) {
    case 'object':
      return objectOf(schema, inner)
    case 'array':
      return listOf(schema, inner)
    case 'number':
    case 'integer':
      return numberOf(schema, kind === 'integer')
    case 'boolean':
      return made(false)
    case 'string':
      return made(textOf(schema))
    case 'null':
    case undefined:
      return made(null)
    default:
      return refused('the schema has an unknown type')
  }
}

function objectOf(schema: JsonObject, place: Place): Made<unknown> {
  const properties = schema['properties'] ?? {}
  if (!isJsonObject(properties)) return refused('properties must be an object')
  const entries: [string, unknown][] = []
  for (const [name, property] of Object.entries(properties)) {
    const value = valueOf(property, place)
    if (value.kind === 'refused') return value
    entries.push([name, value.value])
  }
  return made(Object.fromEntries(entries))
}

function listOf(schema: JsonObject, place: Place): Made<unknown> {
  const length = limitOf(schema, 'minItems') ?? 0
  const values: unknown[] = []
  while (values.length < length) {
    const value = valueOf(schema['items'], place)
    if (value.kind === 'refused') return value
    values.push(value.value)
  }
  return made(values)
}

/** Distance of the nearest value inside an exclusive bound. */
type Margin = (bound: number) => number

/** The middle of the range; without a range, the value nearest to 0. */
function numberOf(schema: JsonObject, whole: boolean): Made<unknown> {
  const step = limitOf(schema, 'multipleOf') ?? (whole ? 1 : 0)
  // A whole step, or the smallest that makes a difference at the bound.
  const margin: Margin = (bound) => step || Number.EPSILON * Math.max(1, Math.abs(bound))
  const min = lowerOf(schema, margin)
  const max = upperOf(schema, margin)
  const middle =
    min > -WHOLE_MAX && max < WHOLE_MAX ? (min + max) / 2 : Math.min(max, Math.max(min, 0))
  if (step <= 0)
    return min <= max ? made(middle) : refused('the schema has an empty range of numbers')
  const below = Math.floor(middle / step) * step
  const value = below >= min ? below : below + step
  return value >= min && value <= max
    ? made(value)
    : refused('the schema has a range without a valid number')
}

function lowerOf(schema: JsonObject, margin: Margin): number {
  const above = limitOf(schema, 'exclusiveMinimum')
  const least = limitOf(schema, 'minimum') ?? -Infinity
  return above === undefined ? least : Math.max(least, above + margin(above))
}

function upperOf(schema: JsonObject, margin: Margin): number {
  const below = limitOf(schema, 'exclusiveMaximum')
  const most = limitOf(schema, 'maximum') ?? Infinity
  return below === undefined ? most : Math.min(most, below - margin(below))
}

function textOf(schema: JsonObject): string {
  const least = Math.min(limitOf(schema, 'minLength') ?? 0, VALUES_MAX)
  return TEXT.padEnd(least, '.').slice(0, limitOf(schema, 'maxLength') ?? VALUES_MAX)
}

/** The target of a reference within the same schema, such as `#/$defs/node`. */
function targetOf(root: JsonObject, ref: string): unknown {
  let target: unknown = ref.startsWith('#') ? root : undefined
  for (const name of ref.split('/').slice(1)) {
    target = isJsonObject(target) && Object.hasOwn(target, name) ? target[name] : undefined
  }
  return target
}

function limitOf(schema: JsonObject, name: string): number | undefined {
  const value = schema[name]
  return typeof value === 'number' ? value : undefined
}

function made(value: unknown): Made<unknown> {
  return { kind: 'ok', value }
}

function refused(why: string): { readonly kind: 'refused'; readonly why: string } {
  return { kind: 'refused', why }
}
