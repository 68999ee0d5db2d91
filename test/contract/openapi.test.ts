import { readFile } from 'node:fs/promises'
import { FAILURE_CODES, type FailureCode } from '@agentfleet/domain'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  auditedOperations,
  loadDocument,
  openOperations,
  operationScopes,
} from '../../services/gateway/src/http/openapi/document.ts'
import { parseFrame } from '../../services/gateway/src/stream/frames.ts'
import { createApi } from '../../services/gateway/src/http/server.ts'
import { Refusal } from '../../services/gateway/src/http/problems.ts'
import { agentRoutes } from '../../services/gateway/src/agents/routes.ts'
import { approvalRoutes } from '../../services/gateway/src/tasks/approval-routes.ts'
import { controlRoutes } from '../../services/gateway/src/fleet/routes.ts'
import { figuresRoutes } from '../../services/gateway/src/fleet/figures-routes.ts'
import { goalRoutes } from '../../services/gateway/src/goals/routes.ts'
import { callRoutes } from '../../services/gateway/src/lists/call-routes.ts'
import { cancelRoutes } from '../../services/gateway/src/lists/cancel-routes.ts'
import { historyRoutes } from '../../services/gateway/src/lists/history-routes.ts'
import { limitsRoutes } from '../../services/gateway/src/fleet/limits-routes.ts'
import { listRoutes } from '../../services/gateway/src/lists/routes.ts'
import { nodeRoutes } from '../../services/gateway/src/fleet/node-routes.ts'
import { replayRoutes } from '../../services/gateway/src/lists/replay-routes.ts'
import { scheduleRoutes } from '../../services/gateway/src/schedules/routes.ts'
import { scheduleRunRoutes } from '../../services/gateway/src/schedules/run-routes.ts'
import { serviceRoutes } from '../../services/gateway/src/http/probe-routes.ts'
import { streamRoute, textRoutes } from '../../services/gateway/src/stream/routes.ts'
import { taskRoutes } from '../../services/gateway/src/tasks/routes.ts'
import { toolRoutes } from '../../services/gateway/src/agents/tool-routes.ts'
import { auditRoutes } from '../../services/gateway/src/principals/audit-routes.ts'
import { keyRoutes } from '../../services/gateway/src/principals/key-routes.ts'
import { ticketRoutes } from '../../services/gateway/src/principals/ticket-routes.ts'
import { usageRoutes } from '../../services/gateway/src/fleet/usage-routes.ts'
import { requestValidator } from '../../services/gateway/src/http/validation.ts'

/** Compares openapi.yaml with the operations of the gateway. */

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

// The tests only look at the names of the handlers and call none of them.
const nothing = {} as never
const handlers = {
  ...taskRoutes(nothing),
  ...textRoutes(nothing),
  ...listRoutes(nothing),
  ...cancelRoutes(nothing),
  ...historyRoutes(nothing),
  ...callRoutes(nothing),
  ...replayRoutes(nothing),
  ...agentRoutes(nothing),
  ...goalRoutes(nothing),
  ...scheduleRoutes(nothing),
  ...scheduleRunRoutes(nothing),
  ...approvalRoutes(nothing),
  ...usageRoutes(nothing),
  ...toolRoutes(nothing),
  ...nodeRoutes(nothing),
  ...figuresRoutes(nothing),
  ...limitsRoutes(nothing),
  ...serviceRoutes({
    document,
    fleet: nothing,
    ownFigures: nothing,
    held: nothing,
    readiness: () => ({ ok: true }),
  }),
  ...controlRoutes(nothing),
  ...streamRoute(nothing),
  ...keyRoutes(nothing),
  ...ticketRoutes(nothing),
  ...auditRoutes(nothing),
}
const counted = { inc: () => {}, observe: () => {} }

const api = createApi({
  publicPath: '',
  document,
  handlers,
  checkCaller: () => undefined,
  allowPages: { readable: () => undefined, headersFor: () => ({}), answered: () => false },
  isProxy: undefined,
  perAddress: undefined,
  page: [],
  guard: () => (_request, _reply, done) => done(new Refusal('unauthorized', 'Send a key.')),
  recorder: { answered: () => {}, refused: () => {} } as never,
  metrics: { requests: counted, refusals: counted } as never,
  monotonicMs: () => 0,
  log: { error: () => {}, debug: () => {} } as never,
}).then(({ app }) => app)

beforeAll(() => api, 30_000)
afterAll(async () => (await api).close())

test('every operation in openapi.yaml has a handler in the gateway, and every handler has an operation', () => {
  const ids = operations.map(({ operationId }) => operationId)
  expect(new Set(Object.keys(handlers))).toEqual(new Set(ids))
  expect(new Set(ids).size).toBe(ids.length)
})

test('a request must have arrived completely within 30 s, its headers too (L7)', async () => {
  const { server } = await api
  // Node exchanges the two times if that of the headers is longer.
  expect([server.requestTimeout, server.headersTimeout]).toEqual([30_000, 30_000])
})

test.each(operations)('$method $path is served by the gateway', async ({ path, method }) => {
  const url = path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1')
  const app = await api
  expect(app.hasRoute({ method: method.toUpperCase() as 'GET', url })).toBe(true)
})

test.each(operations)(
  '$method $path requires an API key exactly if openapi.yaml demands one',
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

/** Operations that every valid key may use. */
const ANY_KEY = ['getMe']

test('every operation in openapi.yaml names the one scope that it needs, or says that it needs no API key', () => {
  const scopes = operationScopes(document)
  const open = openOperations(document)
  const named = operations.map(({ operationId = '' }) => {
    if (open.has(operationId)) return `${operationId}: no key`
    return `${operationId}: ${scopes.get(operationId) ?? 'any key'}`
  })
  expect([...open].sort()).toEqual(['getDocument', 'getLiveness', 'getReadiness'])
  expect(named.filter((each) => each.endsWith('any key'))).toEqual(
    ANY_KEY.map((id) => `${id}: any key`),
  )
})

/** They change nothing, make a ticket of 30 seconds, or store tasks, which name their submitter. */
const NOT_AUDITED = ['submitTask', 'submitBatch', 'submitGoal', 'previewSchedule', 'createTicket']

test('every operation of the API that makes a change is in the audit log, except submissions', () => {
  const changes = operations.filter(
    ({ method, operationId = '' }) => method !== 'get' && !NOT_AUDITED.includes(operationId),
  )
  const ids = changes.map(({ operationId }) => operationId)
  expect(auditedOperations(document)).toEqual(new Set(ids))
})

test('the gateway refuses to start with an openapi.yaml in which an operation names no scope or an unknown scope', () => {
  const only = (security: object) => ({
    ...document,
    paths: { '/x': { get: { operationId: 'x', ...security } } },
  })
  expect(() => operationScopes(only({}) as never)).toThrow(/security of x/)
  for (const bearer of [['tasks:all'], ['tasks:read', 'admin']]) {
    expect(() => operationScopes(only({ security: [{ bearer }] }) as never)).toThrow(
      /security of x/,
    )
  }
})

interface Media {
  readonly schema: Schema
  readonly examples?: Readonly<Record<string, { readonly $ref?: string; readonly value?: unknown }>>
}
type Content = Readonly<Record<string, Media>>
interface Described {
  readonly summary?: string
  readonly description?: string
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<
    Record<string, { readonly $ref?: string; readonly content?: Content }>
  >
}
const components = document['components'] as unknown as {
  readonly examples: Readonly<
    Record<string, { readonly summary?: string; readonly value: unknown }>
  >
  readonly responses: { readonly Problem: { readonly content: Content } }
}
const bodiesOf = ({ requestBody, responses }: Described) => [
  ...Object.entries(requestBody?.content ?? {}).map(([, media]) => ['request', media] as const),
  ...Object.entries(responses).flatMap(([status, { content = {} }]) =>
    Object.values(content).map((media) => [status, media] as const),
  ),
]
const valuesOf = ({ examples = {} }: Media) =>
  Object.values(examples).map(({ $ref, value }) =>
    $ref === undefined ? value : components.examples[$ref.split('/').at(-1) ?? '']?.value,
  )

test.each(operations)(
  '$method $path has a summary that is a sentence and a description',
  (each) => {
    const { summary = '', description = '' } = each as unknown as Described
    expect(summary).toMatch(/^[A-Z][^\n]*\.$/)
    expect(description).not.toBe('')
  },
)

test.each(operations)('$method $path has valid examples of each body', (each) => {
  for (const [body, media] of bodiesOf(each as unknown as Described)) {
    const values = valuesOf(media)
    expect(values, body).not.toEqual([])
    expect(problemsOf(media.schema, values), body).toEqual([])
  }
})

test("openapi.yaml has a valid example of every problem, with the title and the status of the problem's code", () => {
  const media = components.responses.Problem.content['application/problem+json'] as Media
  const values = valuesOf(media) as { code: string; title: string; status: number }[]
  expect(problemsOf(media.schema, values)).toEqual([])
  const shown = values.map(({ code, title, status }) => [code, title, status])
  const declared = Object.entries<FailureCode>(FAILURE_CODES).flatMap(([code, { http }]) =>
    http === undefined ? [] : [[code, http.title, http.status]],
  )
  expect(shown).toEqual(declared)
})

type Check = ((value: unknown) => boolean) & { readonly errors?: unknown }

/** The validator of the gateway for bodies of this schema. */
function checkOf(schema: Schema): Check {
  const described = { schema: resolved(schema), httpPart: 'body', method: 'POST', url: '/' }
  return requestValidator()(described) as Check
}

/** The faults of values of the document, by the validator of the gateway. */
function problemsOf(schema: Schema, values: readonly unknown[]): unknown[] {
  const check = checkOf(schema)
  return values.flatMap((value) => (check(structuredClone(value)) ? [] : [check.errors]))
}

test('readers of YAML 1.1, such as PyYAML, can read openapi.yaml: no text in braces ends with a question mark outside quotes', async () => {
  const text = await readFile(new URL('../../openapi.yaml', import.meta.url), 'utf8')
  expect(text.match(/[{,] \w+: [^'"{}[\],\n]*\?[,}].*/g)).toBeNull()
})

test('every object in openapi.yaml lists its possible fields', () => {
  const open = Object.entries(schemas)
    .filter(
      ([, { type, additionalProperties }]) =>
        type === 'object' && additionalProperties === undefined,
    )
    .map(([name]) => name)
  expect(open).toEqual([])
})

const isFrame = checkOf(schemas['ClientFrame'] ?? {})

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
  { type: 'subscribe', stats: true },
  { type: 'subscribe', stats: false },
  { type: 'unsubscribe', stats: true },
  { type: 'publish' },
])('the gateway reads the frame %o as openapi.yaml describes it', (frame) => {
  const described = isFrame(structuredClone(frame))
  expect(parseFrame(JSON.stringify(frame)).kind).toBe(described ? 'ask' : 'bad')
})

/** The schema with its references replaced; none of these is recursive. */
function resolved(schema: unknown): Schema {
  if (Array.isArray(schema)) return schema.map(resolved) as unknown as Schema
  if (schema === null || typeof schema !== 'object') return schema as Schema
  const { $ref } = schema as Schema
  if (typeof $ref === 'string') return resolved(schemas[$ref.split('/').at(-1) ?? ''])
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, resolved(value)]),
  ) as Schema
}
