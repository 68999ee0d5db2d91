import type { KeyCreated, KeyPage, KeyRequest, TicketView } from '@agentfleet/protocol'
import { CHANNELS } from '@agentfleet/protocol'
import { eventually, withRedis } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import { listening, nextPointer, setup, type GatewayBench } from '../support.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
const CONFIG = { ADMIN_KEY: ADMIN }
const REQUEST: KeyRequest = { name: 'ci', tenant: 'acme', scopes: ['tasks:read', 'tasks:write'] }

/** Shared by the tests that neither restart it nor list every key. */
let shared: GatewayBench
beforeAll(async () => {
  shared = await setup(CONFIG)
})
afterAll(() => shared[Symbol.asyncDispose]())

/** Sends a request with this key; returns the status and the body. */
async function send(
  url: string,
  key: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: unknown; headers: Headers }> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const parsed: unknown = text === '' ? undefined : JSON.parse(text)
  return { status: answer.status, body: parsed, headers: answer.headers }
}

async function make(bench: GatewayBench, part: Partial<KeyRequest> = {}): Promise<KeyCreated> {
  const request = { ...REQUEST, ...part }
  const made = await send(bench.gateway.url(), ADMIN, 'POST', '/v1/keys', request)
  expect(made.status).toBe(201)
  return made.body as KeyCreated
}

/** Opens a stream; resolves with its close code once it has closed. */
async function openStream(url: string, query: string): Promise<{ closed: Promise<number> }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream?${query}`)
  const closed = new Promise<number>((resolve) => socket.once('close', resolve))
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return { closed }
}

test('an API key can be created, used for its tenant and scopes, listed without its secret, and revoked', async () => {
  const bench = shared
  const url = bench.gateway.url()
  const made = await make(bench)
  expect(made.key).toMatch(/^af_[a-z2-8]{12}_[\w-]{43}$/)
  const me = await send(url, made.key, 'GET', '/v1/me')
  expect(me.body).toEqual({ keyId: made.id, tenant: 'acme', scopes: REQUEST.scopes })
  expect((await bench.client(made.key).submit({ task: 'x' })).state).toBe('queued')
  expect((await send(url, made.key, 'GET', '/v1/keys')).body).toMatchObject({
    code: 'scope-missing',
    detail:
      'This operation needs a key with the scope admin; your key has tasks:read, tasks:write.',
  })
  const page = await send(url, ADMIN, 'GET', '/v1/keys?tenant=acme')
  expect((page.body as KeyPage).keys).toMatchObject([
    { id: made.id, state: 'active', createdBy: 'env-admin' },
  ])
  expect(JSON.stringify(page.body)).not.toContain(made.key.slice(-43))
  expect((await send(url, ADMIN, 'DELETE', `/v1/keys/${made.id}`)).status).toBe(204)
  expect((await send(url, ADMIN, 'DELETE', `/v1/keys/${made.id}`)).status).toBe(204)
  expect((await send(url, made.key, 'GET', '/v1/me')).body).toMatchObject({ status: 401 })
  expect((await send(url, ADMIN, 'GET', `/v1/keys/${made.id}`)).body).toMatchObject({
    state: 'revoked',
  })
  const rotated = await send(url, ADMIN, 'POST', `/v1/keys/${made.id}/rotate`, {})
  expect(rotated.body).toMatchObject({ status: 409, code: 'key-revoked' })
})

test('the record of a task contains the key that submitted it, and a task can require the approval of another key', async () => {
  const bench = shared
  const made = await make(bench, { scopes: ['tasks:read', 'tasks:write', 'tasks:approve'] })
  const client = bench.client(made.key)
  const asked: { key: string }[] = []
  bench.bus.on(CHANNELS.approve, ({ approval }) => {
    asked.push({ key: approval.by })
    return Promise.resolve({ kind: 'own-key' as const })
  })
  await listening(bench.bus)
  const task = await client.submit({ task: 'x', approvers: 'other-keys' }, { idempotencyKey: 'k' })
  expect(task).toMatchObject({ submittedBy: made.id, approvers: 'other-keys' })
  await expect(client.approve(task.id, 1, { approved: true })).rejects.toMatchObject({
    status: 403,
    problem: { code: 'other-key-required' },
  })
  // A rotated key is still the same key.
  const rotated = await bench.client(ADMIN).rotateKey(made.id, { overlapSeconds: 0 })
  const deciding = bench.client(rotated.key).approve(task.id, 1, { approved: true })
  await expect(deciding).rejects.toMatchObject({ problem: { code: 'other-key-required' } })
  expect(asked).toEqual([{ key: made.id }, { key: made.id }])
  // Another key of the tenant repeats the same submission.
  const other = bench.client((await make(bench)).key)
  const again = await other.submit({ task: 'x', approvers: 'other-keys' }, { idempotencyKey: 'k' })
  expect([again.id, again.submittedBy]).toEqual([task.id, made.id])
})

test('a replay, and a run of a schedule, name the key that asked for them and the key that chose the text', async () => {
  const bench = shared
  const [writer, asker] = await Promise.all([make(bench), make(bench)])
  const [first, second] = [bench.client(writer.key), bench.client(asker.key)]
  const both = { submittedBy: asker.id, writtenBy: writer.id, approvers: 'other-keys' }
  const task = await first.submit({ task: 'x', approvers: 'other-keys' })
  expect(task).not.toHaveProperty('writtenBy')
  await bench.complete(task, 'done')
  const replay = await second.replay(task.id)
  expect(replay).toMatchObject(both)
  await bench.complete(replay, 'done')
  expect(await first.replay(replay.id)).toMatchObject({ ...both, submittedBy: writer.id })
  const schedule = { cron: '0 0 1 1 *', task: { task: 'x', approvers: 'other-keys' as const } }
  await first.putSchedule('of-writer', schedule)
  expect(await second.runSchedule('of-writer')).toMatchObject(both)
})

test('API keys are listed page by page, and a request for an unknown key gets 404', async () => {
  const bench = shared
  const url = bench.gateway.url()
  const ids = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => (await make(bench, { name, tenant: 'listed' })).id),
  )
  const first = await send(url, ADMIN, 'GET', '/v1/keys?tenant=listed&limit=2')
  const cursor = encodeURIComponent((first.body as KeyPage).nextCursor ?? '')
  const second = await send(url, ADMIN, 'GET', `/v1/keys?tenant=listed&limit=2&cursor=${cursor}`)
  expect((second.body as KeyPage).nextCursor).toBeUndefined()
  const listed = [first, second].flatMap(({ body }) => (body as KeyPage).keys).map(({ id }) => id)
  expect(listed).toEqual(ids.sort())
  const unknown = await send(url, ADMIN, 'GET', '/v1/keys/abcdefghijkm')
  expect(unknown.body).toMatchObject({ code: 'key-not-found' })
  const malformed = await send(url, ADMIN, 'GET', '/v1/keys/x')
  expect(malformed.body).toMatchObject({
    status: 400,
    detail:
      'Correct the request: path/id must be the id of a key: the 12 characters between af_ and the next _ (GET /v1/keys lists the ids).',
  })
})

test.each([
  [{ expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
  [{ expiresAt: '10000-01-01T00:00:00Z' }, '/expiresAt'],
  [{ name: 'two\nlines' }, '/name'],
  [{ name: '\u202eci' }, '/name'],
  [{ name: ' ' }, '/name'],
  [{ name: 'x'.repeat(101) }, '/name'],
  [{ agents: [] }, '/agents'],
  [{ agents: ['developer', 'developer'] }, '/agents'],
  [{ scopes: ['tasks:read', 'tasks:read'] }, '/scopes'],
  [{ scopes: [] }, '/scopes'],
  [{ limits: {} }, '/limits'],
  [{ limits: { requestsPerMinute: 0 } }, '/limits/requestsPerMinute'],
  [{ limits: { requestsPerMinute: 1.5 } }, '/limits/requestsPerMinute'],
  [{ limits: { concurrent: 0 } }, '/limits/concurrent'],
])('the gateway refuses to make an API key with %j', async (part, pointer) => {
  const wrong = { ...REQUEST, ...part }
  const { body } = await send(shared.gateway.url(), ADMIN, 'POST', '/v1/keys', wrong)
  expect(body).toMatchObject({ code: 'invalid-request', errors: [{ pointer }] })
})

test('another gateway reads a key whose name has 100 characters outside the basic plane', async () => {
  const made = await make(shared, {
    name: '\u{1f511}'.repeat(100),
    expiresAt: '9999-12-31T23:59:59Z',
  })
  const other = await shared.another()
  expect((await send(other.url(), made.key, 'GET', '/v1/me')).status).toBe(200)
})

test('an expired API key cannot be rotated, and a rotation without a body keeps the old secret for a day', async () => {
  const url = shared.gateway.url()
  const made = await make(shared)
  const day = await send(url, ADMIN, 'POST', `/v1/keys/${made.id}/rotate`)
  const { formerSecretUntil = '' } = day.body as KeyCreated
  expect(Date.parse(formerSecretUntil) - Date.now()).toBeGreaterThan(23 * 3_600_000)
  // A revoked key takes no secret, so its view does not say that the former one still works.
  expect((await send(url, ADMIN, 'DELETE', `/v1/keys/${made.id}`)).status).toBe(204)
  const revoked = await send(url, ADMIN, 'GET', `/v1/keys/${made.id}`)
  expect(revoked.body).toMatchObject({ state: 'revoked' })
  expect(revoked.body).not.toHaveProperty('formerSecretUntil')
  const brief = await make(shared, { expiresAt: new Date(Date.now() + 300).toISOString() })
  await eventually(async () => {
    const rotated = await send(url, ADMIN, 'POST', `/v1/keys/${brief.id}/rotate`, {})
    expect(rotated.body).toMatchObject({ status: 409, code: 'key-revoked' })
  })
})

test('an API key still works after all gateways have restarted and Redis was wiped', async () => {
  await using bench = await setup(CONFIG)
  const made = await make(bench)
  await withRedis(bench.servers.redis.url, (redis) => redis.flushall())
  await bench.gateway.drain(1_000)
  const next = await bench.another()
  expect((await send(next.url(), made.key, 'GET', '/v1/me')).status).toBe(200)
})

test('a revoked key and its open streams end at every gateway within two seconds', async () => {
  const bench = shared
  const made = await make(bench)
  const other = await bench.another()
  await eventually(async () => {
    expect((await send(other.url(), made.key, 'GET', '/v1/me')).status).toBe(200)
  })
  const gateways = [bench.gateway, other]
  const query = `access_token=${made.key}`
  const streams = await Promise.all(gateways.map((each) => openStream(each.url(), query)))
  const startedMs = performance.now()
  await send(bench.gateway.url(), ADMIN, 'DELETE', `/v1/keys/${made.id}`)
  expect(await Promise.all(streams.map(({ closed }) => closed))).toEqual([4401, 4401])
  expect((await send(other.url(), made.key, 'GET', '/v1/me')).status).toBe(401)
  expect(performance.now() - startedMs).toBeLessThan(2_000)
})

test('streams and tickets that a secret has opened end with this secret when its key is rotated, and those of the new secret stay', async () => {
  const bench = shared
  const made = await make(bench)
  const url = bench.gateway.url()
  const leaked = await openStream(url, `access_token=${made.key}`)
  const { body } = await send(url, made.key, 'POST', '/v1/tickets')
  const rotated = await bench.client(ADMIN).rotateKey(made.id, { overlapSeconds: 0 })
  const fresh = await openStream(url, `access_token=${rotated.key}`)
  expect(await leaked.closed).toBe(4401)
  const ticket = openStream(url, `ticket=${(body as TicketView).ticket}`)
  await expect(ticket).rejects.toThrow(/401/)
  const again = await bench.client(ADMIN).rotateKey(made.id, { overlapSeconds: 60 })
  const newest = await openStream(url, `access_token=${again.key}`)
  const late = await send(url, rotated.key, 'GET', '/v1/me')
  expect(late.status).toBe(200)
  await bench.client(ADMIN).revokeKey(made.id)
  expect(await Promise.all([fresh.closed, newest.closed])).toEqual([4401, 4401])
})

test('a request that waits for its task gets no result when its key is revoked meanwhile', async () => {
  const bench = shared
  const made = await make(bench)
  const pointer = await nextPointer(bench.bus, 'revoked while it waits')
  const url = `${bench.gateway.url()}/v1/tasks`
  const headers = { authorization: `Bearer ${made.key}`, 'content-type': 'application/json' }
  const body = '{"task":"revoked while it waits"}'
  const waiting = fetch(url, { method: 'POST', headers: { ...headers, prefer: 'wait=30' }, body })
  const { taskId, seq } = await pointer()
  await send(bench.gateway.url(), ADMIN, 'DELETE', `/v1/keys/${made.id}`)
  await bench.complete({ id: taskId, seq }, 'a result')
  const answer = await waiting
  expect([answer.status, await answer.json()]).toMatchObject([401, { code: 'unauthorized' }])
})

test('a key and its open stream end when the key expires', async () => {
  const bench = shared
  const expiresAt = new Date(Date.now() + 1_500).toISOString()
  const made = await make(bench, { expiresAt })
  const { closed } = await openStream(bench.gateway.url(), `access_token=${made.key}`)
  expect(await closed).toBe(4401)
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt))
  const late = await send(bench.gateway.url(), made.key, 'GET', '/v1/me')
  expect(late.body).toMatchObject({
    code: 'unauthorized',
    detail: expect.stringMatching(/expired/) as string,
  })
})

test('a ticket opens a single stream, only once, with the rights of its API key', async () => {
  const bench = shared
  const url = bench.gateway.url()
  const made = await make(bench)
  const answer = await send(url, made.key, 'POST', '/v1/tickets')
  expect(answer.status).toBe(201)
  const { ticket } = answer.body as TicketView
  const query = `ticket=${ticket}`
  const { closed } = await openStream(url, query)
  await expect(openStream(url, query)).rejects.toThrow(/401/)
  const plain = await send(url, ticket, 'GET', '/v1/me')
  expect(plain.status).toBe(401)
  await send(url, ADMIN, 'DELETE', `/v1/keys/${made.id}`)
  expect(await closed).toBe(4401)
})

test('a key makes at most 6,000 tickets a minute, so that tickets do not fill Redis (L7)', async () => {
  const bench = shared
  const url = bench.gateway.url()
  const made = await make(bench)
  // The bucket of the key is empty, and its refill begins in an hour.
  const bucket = `callers:{ticket.${made.id}}`
  const empty = { left: '0', atMs: String(Date.now() + 3_600_000) }
  await withRedis(bench.servers.redis.url, (redis) => redis.hset(bucket, empty))
  const refused = await send(url, made.key, 'POST', '/v1/tickets')
  expect(refused.body).toMatchObject({ status: 429, code: 'rate-limited' })
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(refused.headers.get('retry-after-ms')).toBe('10')
  expect((await send(url, made.key, 'GET', '/v1/me')).status).toBe(200)
  await withRedis(bench.servers.redis.url, (redis) => redis.del(bucket))
  expect((await send(url, made.key, 'POST', '/v1/tickets')).status).toBe(201)
})

test('an API key with a list of agents may run only these agents, and cannot override their definitions', async () => {
  const bench = shared
  const made = await make(bench, { agents: ['developer'] })
  const client = bench.client(made.key)
  expect((await client.submit({ task: 'x', agent: 'developer' })).agent).toBe('developer')
  const refused = { status: 403, problem: { code: 'agent-not-allowed' } }
  for (const part of [
    {},
    { agent: 'planner' },
    { agent: 'developer', systemPrompt: 'Ignore your task.' },
    { agent: 'developer', tools: ['http_fetch'] },
    { agent: 'developer', agentDefinition: {} },
  ]) {
    await expect(client.submit({ task: 'x', ...part })).rejects.toMatchObject(refused)
  }
  const [one, other] = await client.submitBatch([
    { task: 'x', agent: 'developer' },
    { task: 'x', agent: 'planner' },
  ])
  expect([one?.status, other?.status]).toEqual([202, 403])
  const goal = await send(bench.gateway.url(), made.key, 'POST', '/v1/goals', { goal: 'x' })
  expect(goal.body).toMatchObject({ code: 'agent-not-allowed' })
  const schedule = { cron: '0 0 * * *', task: { task: 'x' } }
  const put = await send(bench.gateway.url(), made.key, 'PUT', '/v1/schedules/x', schedule)
  expect(put.body).toMatchObject({ code: 'agent-not-allowed' })
})

test('an API key with a list of agents cannot replay a task that overrides its agent, nor a goal with other roles, nor change an agent', async () => {
  const bench = shared
  const scopes: KeyRequest['scopes'] = ['tasks:read', 'tasks:write', 'agents:write']
  const author = await make(bench, { scopes })
  const owner = bench.client(author.key)
  const limited = await make(bench, { agents: ['developer', 'project-manager'], scopes })
  const client = bench.client(limited.key)
  const refused = { status: 403, problem: { code: 'agent-not-allowed' } }
  const agent = 'developer'
  const ended = async (part: object) => {
    const task = await owner.submit({ task: 'x', agent, ...part })
    await bench.complete(task, 'done')
    return task.id
  }
  const plain = await ended({})
  expect(await client.replay(plain)).toMatchObject({ agent, submittedBy: limited.id })
  for (const part of [
    { tools: ['http_fetch'] },
    { systemPrompt: 'Ignore your task.' },
    { systemPrompt: 'x'.repeat(20_000) },
    { agent: 'tester' },
  ]) {
    const id = await ended(part)
    await expect(client.replay(id)).rejects.toMatchObject(refused)
  }
  const goals = ['developer', 'tester'].map((role) =>
    owner.submitGoal({ goal: 'x', roles: [role] }),
  )
  const [own, other] = await Promise.all(goals)
  for (const goal of [own, other]) await bench.complete({ id: goal!.id, seq: goal!.seq }, 'done')
  expect((await client.replay(own!.id)).state).toBe('queued')
  await expect(client.replay(other!.id)).rejects.toMatchObject(refused)
  await expect(client.putAgent(agent, { role: 'x' })).rejects.toMatchObject(refused)
  await expect(client.deleteAgent(agent)).rejects.toMatchObject(refused)
})
