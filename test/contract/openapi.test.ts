import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadDocument, openOperations } from '../../services/gateway/src/http/document.ts'
import { parseFrame } from '../../services/gateway/src/stream/frames.ts'
import { createApi } from '../../services/gateway/src/http/server.ts'
import { Refusal } from '../../services/gateway/src/http/problems.ts'
import { agentRoutes } from '../../services/gateway/src/agents/routes.ts'
import { approvalRoutes } from '../../services/gateway/src/tasks/approval-routes.ts'
import { controlRoutes } from '../../services/gateway/src/fleet/routes.ts'
import { goalRoutes } from '../../services/gateway/src/goals/routes.ts'
import { replayRoutes } from '../../services/gateway/src/tasks/replay-routes.ts'
import { scheduleRoutes } from '../../services/gateway/src/schedules/routes.ts'
import { serviceRoutes } from '../../services/gateway/src/http/probe-routes.ts'
import { streamRoute } from '../../services/gateway/src/stream/routes.ts'
import { taskRoutes } from '../../services/gateway/src/tasks/routes.ts'
import { usageRoutes } from '../../services/gateway/src/fleet/usage-routes.ts'
import { requestValidator } from '../../services/gateway/src/http/validation.ts'

/** openapi.yaml and what the gateway serves are one and the same. */

const document = loadDocument()
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  methods.flatMap((method) => {
    const operation = item[method]
    return operation === undefined ? [] : [{ path, method, ...operation }]
  }),
)
const schemas = (document['components'] as { schemas: Record<string, Schema> }).schemas

interface Schema {
  readonly type?: string
  readonly additionalProperties?: unknown
  readonly $ref?: string
  readonly [key: string]: unknown
}

// Only the shape of the handlers matters here: none of them is called with what it would need.
const nothing = {} as never
const handlers = {
  ...taskRoutes(nothing),
  ...replayRoutes(nothing),
  ...agentRoutes(nothing),
  ...goalRoutes(nothing),
  ...scheduleRoutes(nothing),
  ...approvalRoutes(nothing),
  ...usageRoutes(nothing),
  ...serviceRoutes({ document, fleet: nothing, readiness: () => ({ ok: true }) }),
  ...controlRoutes(nothing),
  ...streamRoute({ streams: nothing, allowedOrigins: [] }),
}
const counted = { inc: () => {}, observe: () => {} }

const api = createApi({
  document,
  handlers,
  authenticate: () => {
    throw new Refusal('unauthorized', 'Send a key.')
  },
  metrics: { requests: counted, refusals: counted } as never,
  log: { error: () => {}, debug: () => {} } as never,
})

beforeAll(() => api, 30_000)
afterAll(async () => (await api).close())

test('every operation of the document has its handler, and no handler is without one', () => {
  const ids = operations.map(({ operationId }) => operationId)
  expect(new Set(Object.keys(handlers))).toEqual(new Set(ids))
  expect(new Set(ids).size).toBe(ids.length)
})

test.each(operations)('$method $path is served', async ({ path, method }) => {
  const url = path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1')
  const app = await api
  expect(app.hasRoute({ method: method.toUpperCase() as 'GET', url })).toBe(true)
})

test.each(operations)(
  '$method $path asks for a key unless the document says so',
  async (operation) => {
    const url = operation.path.replace(/\{\w+\}/, 'x')
    const method = operation.method.toUpperCase() as 'GET'
    const response = await (await api).inject({ method, url })
    const open = openOperations(document).has(operation.operationId ?? '')
    expect(response.statusCode).toBe(open ? 200 : 401)
    if (!open) {
      expect(response.headers['content-type']).toContain('application/problem+json')
      expect(response.json()).toMatchObject({ code: 'unauthorized', status: 401 })
    }
  },
)

test('every object of the document says what may be in it', () => {
  const open = Object.entries(schemas)
    .filter(
      ([, { type, additionalProperties }]) =>
        type === 'object' && additionalProperties === undefined,
    )
    .map(([name]) => name)
  expect(open).toEqual([])
})

test.each([
  { type: 'ping' },
  { type: 'ping', x: 1 },
  { type: 'subscribe', all: true },
  { type: 'subscribe', all: false },
  { type: 'subscribe', taskIds: ['a'] },
  { type: 'subscribe', taskIds: [] },
  { type: 'subscribe', taskIds: ['a'], after: 3, deltas: true },
  { type: 'subscribe', taskIds: ['a'], after: { a: 3 } },
  { type: 'subscribe', taskIds: ['a'], after: -1 },
  { type: 'subscribe', taskIds: ['a'], deltas: 'yes' },
  { type: 'unsubscribe', taskIds: ['a'] },
  { type: 'unsubscribe' },
  { type: 'subscribe', fleet: ['decisions', 'incidents'] },
  { type: 'subscribe', fleet: ['incidents'], all: true },
  { type: 'subscribe', fleet: [] },
  { type: 'subscribe', fleet: ['nodes'] },
  { type: 'unsubscribe', fleet: ['decisions'] },
  { type: 'unsubscribe', fleet: ['decisions'], taskIds: ['a'] },
  { type: 'publish' },
])('the gateway reads the frame %o as the document describes it', (frame) => {
  const validate = requestValidator()({
    schema: { ...resolved(schemas['ClientFrame']) },
    httpPart: 'body',
    method: 'GET',
    url: '/v1/stream',
  }) as (value: unknown) => boolean
  const described = validate(structuredClone(frame))
  expect(parseFrame(JSON.stringify(frame)).kind).toBe(described ? 'ask' : 'bad')
})

/** The schema with its references put in; none of these is recursive. */
function resolved(schema: unknown): Schema {
  if (Array.isArray(schema)) return schema.map(resolved) as unknown as Schema
  if (schema === null || typeof schema !== 'object') return schema as Schema
  const { $ref } = schema as Schema
  if (typeof $ref === 'string') return resolved(schemas[$ref.split('/').at(-1) ?? ''])
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, resolved(value)]),
  ) as Schema
}
