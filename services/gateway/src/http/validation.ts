import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { FieldError } from '@agentfleet/protocol'
import type { FastifySchemaCompiler } from 'fastify'
import type { ApiDocument } from './document.ts'
import { fieldErrors } from './problems.ts'

// Errors carry their object and its schema, so that a problem can name every wrong field of the object.
const COMMON = { useDefaults: true, removeAdditional: false, strict: false, verbose: true } as const
const DOCUMENT = 'document'

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
 * It stops at the first error, because collecting all errors would make a large invalid body cost
 * more than a valid one; the problem then names every unknown and missing field of that object.
 */
export function requestValidator(): FastifySchemaCompiler<object> {
  const bodies = withFormats(new Ajv2020({ ...COMMON, coerceTypes: false }))
  const texts = withFormats(new Ajv2020({ ...COMMON, coerceTypes: true }))
  // A parameter that can be repeated arrives as text when it is sent once.
  const queries = withFormats(new Ajv2020({ ...COMMON, coerceTypes: 'array' }))
  return ({ schema, httpPart }) => {
    switch (httpPart ?? 'body') {
      case 'body':
        return bodies.compile(schema)
      case 'querystring':
        return queries.compile({ ...schema, additionalProperties: false })
      case 'headers':
        return texts.compile(withLowerCaseNames(schema))
      default:
        return texts.compile(schema)
    }
  }
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
