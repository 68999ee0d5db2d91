import { isRecord } from '../shape.ts'

/**
 * Parameters of tools with the keywords that every dialect knows. Gemini, Groq, Anthropic and others
 * refuse further ones; tools check their arguments themselves, so nothing is lost but advice.
 */

/** Levels; deeper schemas are recursive. */
const LEVELS_MAX = 12

type Schema = Readonly<Record<string, unknown>>

/** Returns the schema of an object without other keywords than type, description, enum, properties, required and items. */
export function plainParameters(schema: Schema): Schema {
  const plain = plainSchema(schema, schema, LEVELS_MAX)
  const { properties = {} } = plain
  return { ...plain, type: 'object', properties }
}

function plainSchema(given: unknown, root: Schema, levels: number): Schema {
  const schema = levels > 0 && isRecord(given) ? resolved(given, root, levels) : {}
  const { description, properties, items } = schema
  const values = schema['const'] === undefined ? schema['enum'] : [schema['const']]
  const type = typeOf(schema, values)
  const texts = Array.isArray(values) && values.every((value) => typeof value === 'string')
  const plain: Record<string, unknown> = { type }
  if (typeof description === 'string') plain['description'] = description
  if (texts && values.length > 0) plain['enum'] = values
  if (type === 'array') plain['items'] = plainSchema(items, root, levels - 1)
  if (type === 'object' && isRecord(properties)) {
    const names = Object.keys(properties)
    plain['properties'] = Object.fromEntries(
      names.map((name) => [name, plainSchema(properties[name], root, levels - 1)]),
    )
    const required = Array.isArray(schema['required']) ? schema['required'] : []
    const known = required.filter((name) => names.includes(String(name)))
    if (known.length > 0) plain['required'] = known
  }
  return plain
}

/** Follows a reference, merges what must all hold, and takes the first of several alternatives. */
function resolved(schema: Schema, root: Schema, levels: number): Schema {
  const { $ref: ref, allOf, anyOf, oneOf, ...own } = schema
  if (levels === 0) return own
  const named = typeof ref === 'string' ? namedSchema(ref, root) : undefined
  const choices = [anyOf, oneOf].filter(Array.isArray).flat().filter(isRecord)
  const choice = choices.find(({ type }) => type !== 'null')
  const parts = [named, ...(Array.isArray(allOf) ? allOf : []), choice].filter(isRecord)
  return parts
    .map((part) => resolved(part, root, levels - 1))
    .reduceRight((all, part) => merged(part, all), own)
}

function merged(one: Schema, other: Schema): Schema {
  const { properties: more } = one
  const { properties: own } = other
  const both = isRecord(more) && isRecord(own) ? { properties: { ...more, ...own } } : {}
  return { ...one, ...other, ...both }
}

/** Returns the part of the root that a local reference names. */
function namedSchema(ref: string, root: Schema): unknown {
  const path = ref.replace(/^#\/?/, '').split('/')
  return path.reduce<unknown>(
    (place, name) => (isRecord(place) && Object.hasOwn(place, name) ? place[name] : undefined),
    root,
  )
}

function typeOf({ type, properties, items }: Schema, values: unknown): string {
  const types = Array.isArray(type) ? (type as readonly unknown[]) : [type]
  const named = types.find((each) => typeof each === 'string' && each !== 'null')
  if (typeof named === 'string') return named
  if (isRecord(properties)) return 'object'
  if (items !== undefined) return 'array'
  const [value] = Array.isArray(values) ? (values as readonly unknown[]) : []
  if (typeof value === 'number') return 'number'
  return typeof value === 'boolean' ? 'boolean' : 'string'
}
