import type { HTTPMethods } from 'fastify'
import type { ApiDocument } from './document.ts'

/** An operation of the document as a route of Fastify: where it is, and the schemas of what it receives. */
export interface ApiRoute {
  readonly method: HTTPMethods
  readonly url: string
  readonly schema: {
    readonly operationId: string
    readonly params?: object
    readonly querystring?: object
    readonly headers?: object
    readonly body?: object
    /** By status and media type. */
    readonly response: Readonly<Record<string, Answer>>
  }
}

interface Answer {
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>
}
interface Described {
  readonly operationId: string
  readonly parameters?: readonly object[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<Record<string, object>>
}
type Path = Readonly<Record<string, Described>> & { readonly parameters?: readonly object[] }

type Node = Readonly<Record<string, unknown>>
interface Parameter {
  readonly in: string
  readonly name: string
  readonly schema: object
  readonly description?: string
  readonly required?: boolean
}

/** Where the parameters of an operation stand in the document, and in Fastify. */
const PLACES = [
  ['path', 'params'],
  ['query', 'querystring'],
  ['header', 'headers'],
] as const

/**
 * Returns the routes of all operations. It checks nothing: the tests check the document, and to check it at each start
 * of a gateway would take longer than all the rest.
 */
export function routesOf(document: ApiDocument): readonly ApiRoute[] {
  const resolved = createResolver(withItemsUnchecked(document))
  return Object.entries(document.paths).flatMap(([path, item]) => {
    const { parameters: shared = [], ...operations } = item as unknown as Path
    return Object.entries(operations).map(([method, { requestBody, ...operation }]) => {
      const { operationId, parameters = [], responses } = operation
      const body = requestBody?.content['application/json']?.schema
      return {
        method: method.toUpperCase(),
        url: urlOf(path),
        schema: {
          operationId,
          ...schemasOf(resolved(shared) as readonly Parameter[]),
          ...schemasOf(resolved(parameters) as readonly Parameter[]),
          ...(body === undefined ? {} : { body: resolved(body) as object }),
          response: answersOf(resolved(responses) as Readonly<Record<string, Answer>>),
        },
      }
    })
  })
}

/** The answers that have a body with a schema. */
function answersOf(responses: Readonly<Record<string, Answer>>): Readonly<Record<string, Answer>> {
  return Object.fromEntries(
    Object.entries(responses).flatMap(([status, { content = {} }]) => {
      const bodies = Object.entries(content).flatMap(([type, { schema }]) =>
        schema === undefined ? [] : [[type, { schema }]],
      )
      return bodies.length === 0 ? [] : [[status, { content: Object.fromEntries(bodies) }]]
    }),
  )
}

/** The path for the router, in which a single colon begins a parameter. */
function urlOf(path: string): string {
  return path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1')
}

/** One schema for all parameters of each place. */
function schemasOf(parameters: readonly Parameter[]): Partial<ApiRoute['schema']> {
  const schemas = PLACES.map(([place, name]) => {
    const here = parameters.filter((parameter) => parameter.in === place)
    const required = here.filter((parameter) => parameter.required).map(({ name: each }) => each)
    const properties = here.map(({ name: each, schema, description }) => [
      each,
      description === undefined ? schema : { ...schema, description },
    ])
    const schema = {
      type: 'object',
      properties: Object.fromEntries(properties) as object,
      ...(required.length === 0 ? {} : { required }),
    }
    return here.length === 0 ? [] : [[name, schema] as const]
  })
  return Object.fromEntries(schemas.flat())
}

/**
 * Leaves the tasks of a batch unchecked here; the handler checks each one, so that an invalid task
 * refuses no other.
 */
function withItemsUnchecked(document: ApiDocument): Node {
  const { schemas } = document.components
  const batch = schemas['BatchRequest']
  const properties = { tasks: { ...batch?.properties?.['tasks'], items: {} } }
  const checked = { ...schemas, BatchRequest: { ...batch, properties } }
  return { ...document, components: { ...document.components, schemas: checked } }
}

/** Puts what the references of a value name in their place; throws for a reference that leads back to itself. */
function createResolver(document: Node): (value: unknown) => unknown {
  const done = new Map<string, unknown>()
  const open = new Set<string>()
  const target = (reference: string): unknown => {
    if (open.has(reference)) throw new Error(`openapi.yaml: ${reference} refers to itself`)
    open.add(reference)
    let found: unknown = document
    for (const part of reference.slice('#/'.length).split('/')) found = (found as Node)[part]
    if (found === undefined) throw new Error(`openapi.yaml: ${reference} is missing`)
    const value = resolved(found)
    open.delete(reference)
    done.set(reference, value)
    return value
  }
  const resolved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolved)
    if (typeof value !== 'object' || value === null) return value
    const { $ref: reference } = value as { readonly $ref?: unknown }
    if (typeof reference === 'string') return done.get(reference) ?? target(reference)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolved(each)]))
  }
  return resolved
}
