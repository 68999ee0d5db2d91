import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadDocument } from '../../src/http/document.ts'
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
}

const OPERATIONS = Object.entries(loadDocument().paths).flatMap(([path, methods]) =>
  Object.entries(methods as Readonly<Record<string, Operation>>).flatMap(([method, each]) =>
    each.operationId === undefined || each.security?.length === 0
      ? []
      : [[each.operationId, method.toUpperCase(), path] as const],
  ),
)

test.each(OPERATIONS)('%s refuses a query parameter that it does not have', async (...each) => {
  const [, method, path] = each
  const filled = path
    .replace('{id}', path.startsWith('/v1/keys') ? 'a'.repeat(12) : 'x')
    .replace('{name}', 'x')
    .replace('{step}', '1')
  const valid: Readonly<Record<string, object>> = {
    'POST /v1/tasks': { task: 'x' },
    'POST /v1/tasks:batch': { tasks: [{ task: 'x' }] },
    'POST /v1/goals': { goal: 'x' },
    'POST /v1/keys': { tenant: 'acme', name: 'x', scopes: ['tasks:read'] },
    'POST /v1/schedules:preview': { cron: '0 0 * * *' },
    'PUT /v1/schedules/{name}': { cron: '0 0 * * *', task: { task: 'x' } },
    'POST /v1/tasks/{id}/approvals/{step}': { approved: true },
  }
  const body = method === 'GET' || method === 'DELETE' ? undefined : {}
  const sent = valid[`${method} ${path}`] ?? body
  const { status, answer } = await ask(method, `${filled}?dryRuns=true`, sent, {}, ADMIN_KEY)
  expect(answer.detail).toMatch(/query\/dryRuns is not a known field/)
  expect(status).toBe(400)
})

test('a batch with the header Idempotency-Key is refused, because repeating it would submit its tasks again', async () => {
  const batch = { tasks: [{ task: 'x', model: 'echo' }] }
  const { status, answer } = await ask('POST', '/v1/tasks:batch', batch, { 'idempotency-key': 'k' })
  expect(answer.detail).toMatch(
    /idempotency-key must be omitted, .*set idempotencyKey of each task/,
  )
  expect(status).toBe(400)
})

test('a part of the path that is longer than every id is refused with what to do', async () => {
  const { status, answer } = await ask('GET', `/v1/tasks/${'a'.repeat(900)}`)
  expect(answer.detail).toMatch(/longer than every id and name of the API\. Send ids and names/)
  expect(status).toBe(400)
})
