import { once } from 'node:events'
import { request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadDocument } from '../../src/http/openapi/document.ts'
import { setup, type GatewayBench } from '../support.ts'

/** A gateway refuses a part of a request that it would ignore: its caller expects that the part counts. */

const KEY = '0123456789abcdef'
const ADMIN_KEY = 'admin-key-for-tests-0123456789abcdef'

let bench: GatewayBench
beforeAll(async () => {
  bench = await setup({ API_KEYS: `acme:${KEY}`, ADMIN_KEY })
}, 60_000)
afterAll(() => bench[Symbol.asyncDispose]())

async function ask(method: string, path: string, body?: object, headers = {}, key = KEY) {
  const response = await fetch(`${bench.gateway.url()}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
  })
  return { status: response.status, answer: (await response.json()) as { detail?: string } }
}

interface Operation {
  readonly operationId?: string
  readonly security?: readonly object[]
  readonly requestBody?: object
}

const OPERATIONS = Object.entries(loadDocument().paths).flatMap(([path, methods]) =>
  Object.entries(methods as Readonly<Record<string, Operation>>).flatMap(([method, each]) =>
    each.operationId === undefined || each.security?.length === 0
      ? []
      : [[each.operationId, method.toUpperCase(), path, each.requestBody] as const],
  ),
)
const filled = (path: string) =>
  path
    .replace('{id}', path.startsWith('/v1/keys') ? 'a'.repeat(12) : 'x')
    .replace('{name}', 'x')
    .replace('{step}', '1')

test.each(OPERATIONS)('%s refuses a query parameter that it does not have', async (...each) => {
  const [, method, path, requestBody] = each
  const valid: Readonly<Record<string, object>> = {
    'POST /v1/tasks': { task: 'x' },
    'POST /v1/tasks:batch': { tasks: [{ task: 'x' }] },
    'POST /v1/goals': { goal: 'x' },
    'POST /v1/keys': { tenant: 'acme', name: 'x', scopes: ['tasks:read'] },
    'POST /v1/schedules:preview': { cron: '0 0 * * *' },
    'PUT /v1/schedules/{name}': { cron: '0 0 * * *', task: { task: 'x' } },
    'POST /v1/tasks/{id}/approvals/{step}': { approved: true },
  }
  const body = requestBody === undefined ? undefined : {}
  const sent = valid[`${method} ${path}`] ?? body
  const { status, answer } = await ask(method, `${filled(path)}?dryRuns=true`, sent, {}, ADMIN_KEY)
  expect(answer.detail).toMatch(/query\/dryRuns is not a known field/)
  expect(status).toBe(400)
})

const BODILESS = OPERATIONS.filter(([, , , requestBody]) => requestBody === undefined)

/** A request by bytes, because `fetch` sends no body with GET. */
async function raw(method: string, path: string, headers: OutgoingHttpHeaders, body = '') {
  const authorization = `Bearer ${ADMIN_KEY}`
  const sent = request(`${bench.gateway.url()}${path}`, {
    method,
    headers: { authorization, ...headers },
  })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const piece of response) text += String(piece)
  return { status: response.statusCode, text }
}

test.each(BODILESS)('%s refuses a body, because it takes none', async (_id, method, path) => {
  const json = { 'content-type': 'application/json' }
  const body = '{"reason":"x"}'
  const refused = [
    await raw(method, filled(path), { ...json, 'content-length': body.length }, body),
    await raw(method, filled(path), { 'content-length': body.length }, body),
    await raw(method, filled(path), { ...json, 'transfer-encoding': 'chunked' }, body),
  ]
  for (const { status, text } of refused) {
    expect(text).toMatch(/This operation takes no body\. Send the request without a body/)
    expect(status).toBe(400)
  }
  const empty = await raw(method, filled(path), { ...json, 'content-length': 0 })
  expect(empty.text).not.toMatch(/takes no body/)
})

test.each([
  ['application/json; charset=utf-16', 415],
  ['application/json;charset="UTF-16LE"', 415],
  ['application/json; charset=iso-8859-1', 415],
  ['application/json; charset=utf-8; charset=utf-16', 415],
  ['application/json; charset=', 415],
  ['application/json; charset=utf-8', 202],
  ['application/json;CHARSET="UTF8"', 202],
  ['application/json; charset=us-ascii', 202],
  ['application/json; profile=x', 202],
])('a body that says %s is answered with %i', async (type, status) => {
  const body = '{"task":"x","model":"echo"}'
  const headers = { 'content-type': type, 'content-length': body.length }
  const answer = await raw(
    'POST',
    '/v1/tasks',
    { ...headers, authorization: `Bearer ${KEY}` },
    body,
  )
  expect(answer.status).toBe(status)
  if (status === 415) expect(answer.text).toMatch(/Content-Type: application\/json; charset=utf-8/)
})

test('a batch with the header Idempotency-Key is refused, because repeating it would submit its tasks again', async () => {
  const batch = { tasks: [{ task: 'x', model: 'echo' }] }
  const { status, answer } = await ask('POST', '/v1/tasks:batch', batch, { 'idempotency-key': 'k' })
  expect(answer.detail).toMatch(
    /idempotency-key must be omitted, .*set idempotencyKey of each task/,
  )
  expect(status).toBe(400)
})

test('an idempotency key is refused where a repeated request would make another secret', async () => {
  const header = { 'idempotency-key': 'k' }
  const key = { tenant: 'acme', name: 'x', scopes: ['tasks:read'] }
  for (const [path, body] of [
    ['/v1/keys', key],
    [`/v1/keys/${'a'.repeat(12)}/rotate`, {}],
  ] as const) {
    const { status, answer } = await ask('POST', path, body, header, ADMIN_KEY)
    expect(answer.detail).toMatch(/idempotency-key must be omitted, .*makes a new secret/)
    expect(status).toBe(400)
  }
})

test.each(['limit=1&limit=2', 'agent=a&agent=b', 'cursor=a&cursor=a'])(
  'the query %s is refused, because the parameter has one value',
  async (query) => {
    const { status, answer } = await ask('GET', `/v1/tasks?${query}`)
    expect(answer.detail).toMatch(/query\/\w+ must be sent only once/)
    expect(status).toBe(400)
  },
)

test.each(['a\nb', '\u202eeve', ' ', '\u0000'])(
  'the name of a person who decides is one visible line, not %j',
  async (person) => {
    const path = '/v1/tasks/01890a5d-ac96-774b-bcce-b302099a8057/approvals/1'
    const { status, answer } = await ask('POST', path, { approved: true, person })
    expect(answer.detail).toMatch(/\/person must be one line of text/)
    expect(status).toBe(400)
  },
)

test('a part of the path that is longer than every id is refused with what to do', async () => {
  const { status, answer } = await ask('GET', `/v1/tasks/${'a'.repeat(900)}`)
  expect(answer.detail).toMatch(/longer than every id and name of the API\. Send ids and names/)
  expect(status).toBe(400)
})
