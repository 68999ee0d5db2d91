import { correctionOf, jsonIn, shortened } from '@agentfleet/domain'
import { z } from 'zod'
import { jsonErrorPlace, repeatedName } from './json-place.ts'

/**
 * Reads settings that are JSON. Every problem names the setting, the place in it, and what to write there; none
 * repeats a value, because values may be secret.
 */

/** The value of a setting, or every problem of it. */
export type JsonSetting<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] }

/** An unknown field of a longer name is shown up to here, characters. */
const NAME_CHARS_MAX = 64

/** Reads the text of the variable `name`; `guide` is the page with an example. */
export function readJsonSetting<S extends z.ZodType>(
  name: string,
  text: string,
  schema: S,
  guide: string,
): JsonSetting<z.output<S>> {
  const value = jsonIn(text)
  if (value === undefined) {
    const problem = `must be JSON, but it has an error at ${jsonErrorPlace(text)}; ${guide} has an example`
    return { kind: 'wrong', problems: [`${name}: ${problem}`] }
  }
  const repeated = repeatedName(text)
  if (repeated !== undefined) {
    const shown = shortened(repeated, NAME_CHARS_MAX)
    const problem = `has "${shown}" twice in one object, and only the last one would count; keep one of them`
    return { kind: 'wrong', problems: [`${name}: ${problem}`] }
  }
  const parsed = schema.safeParse(value, { error: describeIssue })
  if (parsed.success) return { kind: 'ok', value: parsed.data }
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${name}: ${path.map(String).join('.') || 'it'}: ${message}`,
  )
  return { kind: 'wrong', problems }
}

const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a text',
}

/** What the size of a value counts: one of it, several of it. */
const UNITS: Readonly<Record<string, readonly [one: string, several: string]>> = {
  array: ['entry', 'entries'],
  record: ['entry', 'entries'],
  string: ['character', 'characters'],
}

/** Says what is wrong with a value in plain words; undefined leaves the words of zod. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is required'
      return `must be ${TYPES[issue.expected] ?? issue.expected}`
    case 'unrecognized_keys':
      return unknownFields(issue.keys, fieldsOf(issue.inst))
    case 'invalid_value':
      if (issue.input === undefined) return 'is required'
      return `must be one of ${issue.values.map(String).join(', ')}`
    case 'too_small':
      return `must ${boundOf('at least', issue.origin, issue.minimum)}`
    case 'too_big':
      return `must ${boundOf('at most', issue.origin, issue.maximum)}`
    case 'invalid_key':
      return issue.issues[0]?.message
    case 'invalid_union':
      return unionProblem(issue.errors)
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'not_multiple_of':
    default:
      return undefined
  }
}

function boundOf(bound: string, origin: string, limit: number | bigint): string {
  const [one, several] = UNITS[origin] ?? []
  if (one === undefined) return `be ${bound} ${limit}`
  return `have ${bound} ${limit} ${Number(limit) === 1 ? one : several}`
}

function unknownFields(words: readonly string[], names: readonly string[]): string {
  return words
    .map(
      (word) =>
        `the field "${shortened(word, NAME_CHARS_MAX)}" is unknown; ${correctionOf(word, names)}`,
    )
    .join('; ')
}

/** The fields of an object schema. */
function fieldsOf(schema: unknown): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

/** The problems of the form that the value has, or all forms that it may have. */
function unionProblem(forms: readonly (readonly z.core.$ZodIssue[])[]): string {
  const ofType = (issues: readonly z.core.$ZodIssue[]): boolean =>
    issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0)
  const meant = forms.filter((issues) => !ofType(issues))
  const said = (meant.length > 0 ? meant : forms).map((issues) =>
    issues
      .map(({ path, message }) =>
        path.length === 0 ? message : `${path.map(String).join('.')} ${message}`,
      )
      .join(' and '),
  )
  return said.join(', or ')
}
