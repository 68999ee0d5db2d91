/** The schema of answers, and how an answer is written into records. */
import type { Figures } from '@agentfleet/protocol'

/** A JSON schema in the form that the provider receives. */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The keywords that structured output supports for numbers and lists, in addition to those that every
 * leaf may have.
 */
const BOUNDS = 'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems'
const WORDS = new Set(`type enum const title description items ${BOUNDS}`.split(' '))
const OBJECT_WORDS = new Set(['type', 'properties', 'required', 'additionalProperties', 'title'])
const LEAVES = new Set(['number', 'integer', 'boolean'])
/** Parameters of a loop need no more; OpenAI allows ten. */
const DEPTH_MAX = 3
/** The longest text in a record. */
const FIELDS_MAX = 32
const NAME_CHARACTERS_MAX = 64
const TEXT_CHARACTERS_MAX = 256

/**
 * The fault of an answer's schema, if any. Free text is not allowed: it could carry an unchecked value into a
 * decision.
 */
export function problemOfAnswerSchema(schema: JsonSchema): string | undefined {
  return schema['type'] === 'object'
    ? problemAt(schema, 'answer', 0)
    : 'the schema of the answer is not an object'
}

function problemAt(schema: JsonSchema, path: string, depth: number): string | undefined {
  const { type } = schema
  if (depth > DEPTH_MAX) return `${path} is nested too deeply`
  if (type === 'object') return problemOfObject(schema, path, depth)
  const strange = strangeWord(schema, WORDS, path)
  if (strange !== undefined) return strange
  if (type === 'array') {
    const { items, maxItems } = schema
    if (typeof maxItems !== 'number') return `${path} is a list without a maximum length`
    return typeof items === 'object' && items !== null
      ? problemAt(items as JsonSchema, `${path}[]`, depth + 1)
      : `${path} must declare the schema of its items`
  }
  if (type === 'string') {
    const names = schema['enum'] ?? (schema['const'] === undefined ? undefined : [schema['const']])
    if (!Array.isArray(names))
      return `${path} is free text, but every text must be one of declared values`
    const long = names.some((name) => String(name).length > NAME_CHARACTERS_MAX)
    return long ? `${path} has names of more than ${NAME_CHARACTERS_MAX} characters` : undefined
  }
  return LEAVES.has(String(type)) ? undefined : `${path} is neither number, boolean nor enum`
}

function problemOfObject(schema: JsonSchema, path: string, depth: number): string | undefined {
  const strange = strangeWord(schema, OBJECT_WORDS, path)
  if (strange !== undefined) return strange
  const fields = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)
  const required = (schema['required'] ?? []) as readonly string[]
  if (schema['additionalProperties'] !== false) return `${path} is not a strict object`
  if (fields.length === 0 || fields.length > FIELDS_MAX) return `${path} has no or too many fields`
  for (const [name, field] of fields) {
    if (!required.includes(name))
      return `${path}.${name} is optional, but every field must be required`
    const problem = problemAt(field, `${path}.${name}`, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

function strangeWord(
  schema: JsonSchema,
  known: ReadonlySet<string>,
  path: string,
): string | undefined {
  const strange = Object.keys(schema).find((word) => !known.has(word))
  if (strange === undefined) return undefined
  return `${path} uses ${strange}, which the structured output of providers does not support`
}

/** An answer as records hold it: nested fields by their path, lists joined by commas. */
export function figuresOf(answer: unknown): Figures {
  const figures: Figures = {}
  collect('', answer, figures)
  return figures
}

function collect(path: string, value: unknown, figures: Figures): void {
  if (Object.keys(figures).length >= FIELDS_MAX) return
  if (typeof value === 'number' || typeof value === 'boolean') figures[path] = value
  else if (typeof value === 'string') figures[path] = value.slice(0, TEXT_CHARACTERS_MAX)
  else if (Array.isArray(value)) {
    const parts = value.map((part) => (typeof part === 'object' ? JSON.stringify(part) : part))
    figures[path] = parts.join(',').slice(0, TEXT_CHARACTERS_MAX)
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      collect(
        (path === '' ? name : `${path}.${name}`).slice(0, NAME_CHARACTERS_MAX),
        inner,
        figures,
      )
    }
  }
}
