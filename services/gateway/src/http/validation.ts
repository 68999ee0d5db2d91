import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'

/**
 * Request validation by the schemas of the document. Bodies are taken as they are: nothing is
 * removed and nothing converted; only defaults are filled in. Dates have to be in the calendar. Parameters and headers arrive as text,
 * so those are converted. The first wrong place ends it: collecting all of them would let a large
 * wrong body cost more than a right one.
 */
export function requestValidator(): FastifySchemaCompiler<object> {
  const common = { useDefaults: true, removeAdditional: false, strict: false } as const
  const bodies = withFormats(new Ajv2020({ ...common, coerceTypes: false }))
  const texts = withFormats(new Ajv2020({ ...common, coerceTypes: true }))
  return ({ schema, httpPart }) => {
    switch (httpPart ?? 'body') {
      case 'body':
        return bodies.compile(schema)
      case 'querystring':
        return texts.compile({ ...schema, additionalProperties: false })
      case 'headers':
        return texts.compile(withLowerCaseNames(schema))
      default:
        return texts.compile(schema)
    }
  }
}

/** Those that the document uses, and no other: an unknown one fails the start. */
function withFormats(ajv: Ajv2020): Ajv2020 {
  return addFormats.default(ajv, { mode: 'full', formats: ['date', 'date-time'] })
}

/** Node gives header names in lower case, the document as they are usually written. */
function withLowerCaseNames(schema: { properties?: object }): object {
  const names = Object.entries(schema.properties ?? {})
  return {
    ...schema,
    properties: Object.fromEntries(names.map(([name, value]) => [name.toLowerCase(), value])),
  }
}
