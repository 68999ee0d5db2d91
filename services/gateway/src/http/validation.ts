import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { FieldError } from '@agentfleet/protocol'
import type { FastifySchemaCompiler } from 'fastify'
import type { ApiDocument } from './openapi/document.ts'
import { fieldErrors } from './problems.ts'

const COMMON = {
  useDefaults: true,
  removeAdditional: false,
  strict: false,
  // Errors carry their object and its schema, so that a problem can name every wrong field of the object.
  verbose: true,
  // A test checks the schemas of openapi.yaml: to check them here would cost each start 0.1 s.
  meta: false,
  validateSchema: false,
  // To optimise the code of a check takes a third of its compilation, and does not make the check faster.
  code: { optimize: false },
} as const
const DOCUMENT = 'document'
/** A body with at most this many values is small: a form has fewer. */
const SMALL_VALUES = 100

/** Fills in the defaults of a value and returns its errors; undefined if it is valid. */
export type ValueCheck = (value: unknown) => FieldError[] | undefined

/** Creates a check of values against this schema of the document, with the rules for bodies. */
export function valueCheck(document: ApiDocument, schema: string): ValueCheck {
  const ajv = withFormats(new Ajv2020({ ...COMMON, coerceTypes: false }))
  ajv.addSchema(document, DOCUMENT, false, false)
  const validate = ajv.compile({ $ref: `${DOCUMENT}#/components/schemas/${schema}` })
  return (value) => (validate(value) ? undefined : fieldErrors(validate.errors ?? [], 'body'))
}

/**
 * Validates requests against the schemas of openapi.yaml. In a body it only fills in defaults; it
 * converts nothing and removes nothing. It converts parameters and headers, which arrive as text.
 * In a large body it stops at the first error, because collecting all errors would make a large
 * invalid body cost more than a valid one; the problem then names every unknown and missing field
 * of that object. In a small body, such as that of a form, it finds every error.
 *
 * Each check is compiled at its first use, in milliseconds: a gateway that compiled all of them at its start would
 * need a second for checks most of which its clients never use.
 */
export function requestValidator(): FastifySchemaCompiler<object> {
  const bodies = withFormats(new Ajv2020({ ...COMMON, coerceTypes: false }))
  const texts = withFormats(new Ajv2020({ ...COMMON, coerceTypes: true }))
  // A parameter that can be repeated arrives as text when it is sent once.
  const queries = withFormats(new Ajv2020({ ...COMMON, coerceTypes: 'array' }))
  const thorough = withFormats(new Ajv2020({ ...COMMON, coerceTypes: false, allErrors: true }))
  return ({ schema, httpPart }) => {
    switch (httpPart ?? 'body') {
      case 'body':
        return bodyCheck(
          onFirstUse(() => bodies.compile(schema)),
          onFirstUse(() => thorough.compile(schema)),
        )
      case 'querystring':
        return onFirstUse(() =>
          textCheck(queries.compile({ ...schema, additionalProperties: false }), schema),
        )
      case 'headers':
        return onFirstUse(() => texts.compile(withLowerCaseNames(schema)))
      default:
        return onFirstUse(() => textCheck(texts.compile(schema), schema))
    }
  }
}

/** A check that is compiled when it first runs. */
function onFirstUse(compile: () => Check): Check {
  let compiled: Check | undefined
  const check: Check = (value) => {
    compiled ??= compile()
    const isValid = compiled(value)
    check.errors = compiled.errors ?? null
    return isValid
  }
  return check
}

/** JavaScript also reads `0x10`, `1e2`, `5.` and a blank with 5 as integers. */
const DIGITS = /^-?\d+$/

/** Validates values that arrive as text; an integer is written in digits. */
function textCheck(
  validate: ValidateFunction,
  { properties = {} }: { properties?: Readonly<Record<string, { readonly type?: unknown }>> },
): Check {
  const integers = Object.keys(properties).filter((name) => properties[name]?.type === 'integer')
  if (integers.length === 0) return validate
  const check: Check = (values) => {
    const given = values as Readonly<Record<string, unknown>>
    const wrong = integers.find((name) => {
      const value = given[name]
      return typeof value === 'string' && !DIGITS.test(value)
    })
    if (wrong === undefined) {
      const isValid = validate(values)
      check.errors = validate.errors ?? null
      return isValid
    }
    check.errors = [notDigits(wrong)]
    return false
  }
  return check
}

function notDigits(name: string): ErrorObject {
  const message = 'must be an integer that is written in digits, such as 100'
  return { instancePath: `/${name}`, schemaPath: '', keyword: 'type', params: {}, message }
}

/** Validates a body, by the thorough check only if the quick one has refused it and it is small. */
function bodyCheck(quick: Check, thorough: Check): Check {
  const check: Check = (body) => {
    if (quick(body)) return true
    check.errors = quick.errors ?? null
    if (valuesIn(body, SMALL_VALUES) > SMALL_VALUES) return false
    thorough(body)
    // A problem describes the errors of a value that may have several forms only without other errors.
    const isClear = thorough.errors?.every(({ keyword }) => keyword !== 'anyOf') ?? false
    if (isClear) check.errors = thorough.errors ?? null
    return false
  }
  return check
}

/** A validation as Fastify calls it: after `false` it reads the errors. */
interface Check {
  (body: unknown): boolean
  errors?: ErrorObject[] | null
}

/** Counts the values in a body, up to one more than `most`. */
function valuesIn(body: unknown, most: number): number {
  if (typeof body !== 'object' || body === null || most < 1) return 1
  let values = 1
  // A list of all values, or of all names, of a large body would take tens of milliseconds.
  for (const name in body) {
    values += valuesIn((body as Readonly<Record<string, unknown>>)[name], most - values)
    if (values > most) break
  }
  return values
}

/** Adds the formats that the document uses; an unknown format fails the start. */
function withFormats(ajv: Ajv2020): Ajv2020 {
  return addFormats.default(ajv, { mode: 'full', formats: ['date', 'date-time'] })
}

/** Lowers the names in the schema, because Node gives header names in lower case. */
function withLowerCaseNames(schema: { properties?: object }): object {
  const names = Object.entries(schema.properties ?? {})
  return {
    ...schema,
    properties: Object.fromEntries(names.map(([name, value]) => [name.toLowerCase(), value])),
  }
}
