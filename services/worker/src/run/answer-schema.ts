import type { Json } from '@agentfleet/domain'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { RE2JS } from 're2js'
import { jsonInAnswer } from './json-answer.ts'

/**
 * Answers that have to be JSON of a given schema.
 *
 * The schema is a user's: it is compiled by a validator that runs none of its text, its patterns by an
 * engine whose time grows with the text alone, and what is compiled is kept within a bound.
 */

/** What an answer is worth. */
export type CheckedAnswer =
  | { readonly kind: 'valid'; readonly value: Json }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }

/** Judges the text of an answer. */
export type AnswerCheck = (text: string) => CheckedAnswer

/** Makes checks of schemas. */
export interface AnswerChecks {
  /** The check of a schema, or why the schema is none. */
  of(schema: Readonly<Record<string, Json>>): AnswerCheck | { readonly problem: string }
}

/** Larger schemas cost more to send with each call than they can be worth, characters. */
const SCHEMA_MAX = 65_536
/** Problems told to the model at once: it mends some, and hears of the rest the next time. */
const PROBLEMS_MAX = 10
const PROBLEM_CHARACTERS_MAX = 300
/** Schemas kept compiled; a fleet has about as many as it has agents. */
const KEPT_MAX = 256

/** Checks with a bounded memory of compiled schemas. */
export function createAnswerChecks(): AnswerChecks {
  // Insertion order: who was used longest ago is forgotten first.
  const kept = new Map<string, AnswerCheck>()
  return {
    of(schema) {
      const text = JSON.stringify(schema)
      const known = kept.get(text)
      if (known !== undefined) {
        kept.delete(text)
        kept.set(text, known)
        return known
      }
      if (text.length > SCHEMA_MAX) return { problem: `it is longer than ${SCHEMA_MAX} characters` }
      const check = compile(schema)
      if (typeof check !== 'function') return check
      kept.set(text, check)
      const [oldest] = kept.keys()
      if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest)
      return check
    },
  }
}

function compile(schema: Readonly<Record<string, Json>>): AnswerCheck | { problem: string } {
  let validate: ValidateFunction
  try {
    const ajv = new Ajv2020({
      strict: false,
      allErrors: true,
      // What a format means is the user's affair; it is told to the model with the schema.
      validateFormats: false,
      logger: false,
      code: { regExp: Object.assign(linearPattern, { code: 'linearPattern' }) },
    })
    validate = ajv.compile(schema)
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
  return (text) => {
    const value = jsonInAnswer(text, (wrapped) => validate(wrapped))
    if (value === undefined) return { kind: 'invalid', problems: ['the answer is not JSON'] }
    if (validate(value)) return { kind: 'valid', value }
    return { kind: 'invalid', problems: (validate.errors ?? []).slice(0, PROBLEMS_MAX).map(tell) }
  }
}

/** A pattern that cannot be made to run for ever; the validator tells patterns apart by their text. */
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
