import { Ajv2020 } from 'ajv/dist/2020.js'
import { fastify, type RouteOptions } from 'fastify'
import openapiGlue from 'fastify-openapi-glue'
import { expect, test } from 'vitest'
import { loadDocument } from '../../../src/http/openapi/document.ts'
import { routesOf } from '../../../src/http/openapi/operations.ts'
import { requestValidator } from '../../../src/http/validation.ts'

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

/** The routes that the plugin makes of a document; it checks the document against the rules of OpenAPI. */
async function routesByPlugin(specification: object): Promise<RouteOptions[]> {
  const app = fastify({ exposeHeadRoutes: false })
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => void routes.push(route))
  await app.register(openapiGlue, { specification, operationResolver: () => () => undefined })
  return routes
}

test('openapi.yaml keeps the rules of OpenAPI, and its routes are those that a plugin for Fastify reads from it', async () => {
  const document = loadDocument()
  // The router takes a single colon for a parameter, and the tasks of a batch are checked one by one.
  const paths = Object.entries(document.paths).map(([path, item]) => [
    path.replaceAll(':', '::'),
    item,
  ])
  const schemas = structuredClone(document.components.schemas)
  Object.assign(schemas['BatchRequest']?.properties?.['tasks'] ?? {}, { items: {} })
  const specification = {
    ...document,
    paths: Object.fromEntries(paths) as object,
    components: { ...document.components, schemas },
  }
  const expected = (await routesByPlugin(specification)).map(({ method, url, schema = {} }) => {
    const { operationId, params, querystring, headers, body, response } = schema as Record<
      string,
      unknown
    >
    const json = (body as { content: Record<string, { schema: object }> } | undefined)?.content
    const read = {
      operationId,
      params,
      querystring,
      headers,
      body: json?.['application/json']?.schema,
    }
    return { method, url, schema: { ...read, response } }
  })
  expect(expected.length).toBeGreaterThan(50)
  expect(routesOf(document)).toEqual(expected)
  await expect(routesByPlugin({ ...specification, info: {} })).rejects.toThrow(
    'valid specification',
  )
})

test('every schema of a request and of an answer compiles, since a gateway compiles each one only when it needs it', async () => {
  const app = fastify()
  const validator = requestValidator()
  let checks = 0
  app.setValidatorCompiler((place) => {
    const check = validator(place) as (value: unknown) => boolean
    // A small body that is wrong compiles the thorough check as well.
    if (place.httpPart === 'body') expect(check(0)).toBe(false)
    else expect(check({})).toBeTypeOf('boolean')
    checks += 1
    return check
  })
  for (const route of routesOf(loadDocument())) {
    app.route({ ...route, schema: { ...route.schema }, handler: () => undefined })
  }
  await app.ready()
  expect(checks).toBeGreaterThan(80)
  await app.close()
})

test('a reference of openapi.yaml that leads nowhere or back to itself stops the start of a gateway', () => {
  const document = loadDocument()
  const withBody = (schema: object, schemas: object = {}) => ({
    ...document,
    components: { ...document.components, schemas: { ...document.components.schemas, ...schemas } },
    paths: {
      '/x': {
        post: {
          operationId: 'x',
          requestBody: { required: true, content: { 'application/json': { schema } } },
          responses: {},
        },
      },
    },
  })
  const reference = { $ref: '#/components/schemas/Circle' }
  expect(() => routesOf(withBody(reference))).toThrow('#/components/schemas/Circle is missing')
  const circle = { type: 'object', properties: { next: reference } }
  expect(() => routesOf(withBody(reference, { Circle: circle }))).toThrow(
    '#/components/schemas/Circle refers to itself',
  )
})
