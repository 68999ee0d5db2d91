import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { loadDocument } from '../../src/http/document.ts'

/** The named schemas of a document, and those of its parameters, requests and answers, with the path to each. */
function schemasIn(value: unknown, path = ''): [path: string, schema: object][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, below]): [string, object][] => {
    if (name === 'schema') return [[path, below as object]]
    if (path === '/components' && name === 'schemas') {
      return Object.entries(below as object).map(([each, schema]) => [each, schema as object])
    }
    return schemasIn(below, `${path}/${name}`)
  })
}

test('every schema of openapi.yaml is a JSON schema, since a gateway does not check them at its start', () => {
  const ajv = new Ajv2020({ strict: false })
  const schemas = schemasIn(loadDocument())
  expect(schemas.length).toBeGreaterThan(200)
  const wrong = schemas.filter(([, schema]) => ajv.validateSchema(schema) !== true)
  expect(wrong.map(([path]) => path)).toEqual([])
  expect(ajv.validateSchema({ type: 'object', maxProperties: 'many' })).toBe(false)
})
