import type { Json } from '@agentfleet/domain'
import { Ajv, MissingRefError, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { RE2JS } from 're2js'
import { dialectOf, type JsonSchema } from './dialect.ts'
import { jsonInAnswer } from './json-answer.ts'

/**
 * A schema ready to check answers. A user writes the schema: the validator runs none of its text, and the pattern
 * engine takes time proportional to the text alone.
 */

/** A request to the thread. */
export interface CheckJob {
  /** The number under which the thread keeps the compiled schema. */
  readonly id: number
  /** Schemas that the thread no longer keeps. */
  readonly forget: readonly number[]
  /** The schema as JSON. */
  readonly schema: string
  /** Absent: only the schema is checked. */
  readonly answer?: string
}

/** An answer of the thread. */
export type CheckOutcome =
  | CheckedAnswer
  | { readonly kind: 'ok' }
  | { readonly kind: 'bad-schema' | 'too-costly'; readonly problem: string }

/** The value of an answer, or its problems. */
export type CheckedAnswer =
  | { readonly kind: 'valid'; readonly value: Json }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }

/** A usable schema, or why it is unusable. */
export type CompiledSchema =
  | { readonly kind: 'ok'; readonly check: (text: string) => CheckedAnswer }
  | { readonly kind: 'bad-schema'; readonly problem: string }

/** Problems that the model receives at once: it fixes some, and gets the others the next time. */
const PROBLEMS_MAX = 10
const PROBLEM_CHARACTERS_MAX = 300

/** Compiles a schema of any known version. */
export function compileSchema(schema: JsonSchema): CompiledSchema {
  const dialect = dialectOf(schema) ?? '2020-12'
  // The version is known by now; the validator knows fewer spellings of the versions' names.
  const { $schema: _version, ...plain } = schema
  let validate: ValidateFunction
  try {
    const rules = RULES[dialect]
    if (rules.validateSchema(plain) !== true) {
      const { instancePath = '', message = 'the schema is not valid' } = rules.errors?.[0] ?? {}
      const place = instancePath === '' ? '' : `at ${instancePath} `
      return bad(`must be a JSON schema (${dialect}): ${place}${message}`)
    }
    validate = validatorOf(dialect, plain)
  } catch (error) {
    if (error instanceof RangeError) throw error
    return bad(`cannot be used: ${error instanceof Error ? error.message : String(error)}`)
  }
  // Such a schema answers with a promise: every value would count as valid, and a failing one would end the thread.
  if ('$async' in validate) return bad('must not contain $async')
  return {
    kind: 'ok',
    check(text) {
      const value = jsonInAnswer(text, (wrapped) => validate(wrapped))
      if (value === undefined) return { kind: 'invalid', problems: ['the answer is not JSON'] }
      if (validate(value)) return { kind: 'valid', value }
      return { kind: 'invalid', problems: (validate.errors ?? []).slice(0, PROBLEMS_MAX).map(tell) }
    },
  }
}

const OPTIONS = {
  strict: false,
  allErrors: true,
  // A format is not checked: the model receives it with the schema, and only the user knows its meaning.
  validateFormats: false,
  logger: false,
  code: { regExp: Object.assign(linearPattern, { code: 'linearPattern' }) },
} as const

/**
 * The rules for schemas of each version. It takes 50 ms to compile them and 1 ms to compile a usual schema, so all
 * schemas share them; they keep nothing of a schema.
 */
const RULES = { 'draft-07': new Ajv(OPTIONS), '2020-12': new Ajv2020(OPTIONS) } as const

function validatorOf(dialect: keyof typeof RULES, schema: JsonSchema): ValidateFunction {
  const compile = (options: Options): ValidateFunction =>
    (dialect === 'draft-07' ? new Ajv(options) : new Ajv2020(options)).compile(schema)
  try {
    return compile({ ...OPTIONS, meta: false, validateSchema: false })
  } catch (error) {
    // It may refer to the rules for schemas.
    if (error instanceof MissingRefError) return compile(OPTIONS)
    throw error
  }
}

function bad(problem: string): CompiledSchema {
  return { kind: 'bad-schema', problem: problem.slice(0, PROBLEM_CHARACTERS_MAX) }
}

/** A pattern that always ends; the validator tells patterns apart by their text. */
function linearPattern(pattern: string): { test(text: string): boolean; toString(): string } {
  const compiled = RE2JS.compile(pattern)
  return { test: (text) => compiled.matcher(text).find(), toString: () => pattern }
}

function tell({ instancePath, message, params }: ErrorObject): string {
  const place = instancePath === '' ? 'the answer' : instancePath
  return `${place} ${message ?? 'is wrong'} ${JSON.stringify(params)}`.slice(
    0,
    PROBLEM_CHARACTERS_MAX,
  )
}
