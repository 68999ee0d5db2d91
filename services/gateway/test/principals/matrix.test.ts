/** Every operation of openapi.yaml with every kind of caller; the requests are made from the document. */
import { once } from 'node:events'
import { SCOPES, type Scope } from '@agentfleet/domain'
import { CHANNELS } from '@agentfleet/protocol'
import { eventually } from '@agentfleet/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import { loadDocument, operationScopes } from '../../src/http/openapi/document.ts'
import { listening, setup, type GatewayBench } from '../support.ts'
import { claimsOf, startIssuer, unsigned, type Issuer } from './issuer.ts'

const ADMIN = 'the-admin-key-of-this-test-0123456789'
/** Stands in everything that tenant a owns. */
const CANARY = 'canary-of-tenant-a'

const document = loadDocument()
const operations = [...operationScopes(document)].map(([id, scope]) => {
  const found = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, each]) => each.operationId === id)
      .map(([method]) => ({ id, scope, path, method: method.toUpperCase() })),
  )
  if (found[0] === undefined) throw new Error(`openapi.yaml has no ${id}`)
  return found[0]
})
type Operation = (typeof operations)[number]

let issuer: Issuer
let bench: GatewayBench
/** The task of tenant a. */
const places: Record<string, string> = {}
const keys = {} as Record<Scope | 'everything' | 'other' | 'expired' | 'revoked', string>

beforeAll(async () => {
  issuer = await startIssuer()
  bench = await setup({ ADMIN_KEY: ADMIN, ...issuer.variables })
  const admin = bench.client(ADMIN)
  const make = async (tenant: string, scopes: readonly Scope[], expiresAt?: string) =>
    admin.createKey({
      name: CANARY,
      tenant,
      scopes: [...scopes],
      ...(expiresAt === undefined ? {} : { expiresAt }),
    })
  for (const scope of SCOPES) keys[scope] = (await make('a', [scope])).key
  const everything = await make('a', SCOPES)
  const soon = await make('a', SCOPES, new Date(Date.now() + 1_500).toISOString())
  const revoked = await make('a', SCOPES)
  await admin.revokeKey(revoked.id)
  const tenantScopes = SCOPES.filter((scope) => scope !== 'admin')
  keys.everything = everything.key
  keys.other = (await make('b', tenantScopes)).key
  keys.expired = soon.key
  keys.revoked = revoked.key
  const owner = bench.client(keys.everything)
  await owner.putAgent('mine', { systemPrompt: CANARY })
  places['id'] = (await owner.submit({ task: CANARY })).id
  const schedule = { cron: '0 0 1 1 *', task: { task: CANARY } }
  expect(await send({ method: 'PUT', path: '/v1/schedules/mine' }, keys.everything, schedule)).toBe(
    201,
  )
  // No coordinator runs here.
  bench.bus.on(CHANNELS.cancel, ({ tenant }) =>
    Promise.resolve({ kind: tenant === 'a' ? ('finished' as const) : ('not-found' as const) }),
  )
  bench.bus.on(CHANNELS.approve, ({ tenant }) =>
    Promise.resolve({ kind: tenant === 'a' ? ('finished' as const) : ('not-found' as const) }),
  )
  await listening(bench.bus)
  await eventually(async () => {
    expect(await send({ method: 'GET', path: '/v1/me' }, keys.expired)).toBe(401)
  })
}, 60_000)
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await issuer[Symbol.asyncDispose]()
})

const texts: string[] = []

/** Sends the operation with this credential; returns the status, and keeps the text. */
async function send(
  { method, path }: Pick<Operation, 'method' | 'path'>,
  credential: string | undefined,
  body?: object,
  name = 'mine',
): Promise<number> {
  const key = path.startsWith('/v1/keys/') ? 'abcdefghijkm' : places['id']
  const values: Record<string, string | undefined> = { id: key, step: '0', name }
  const place = path.replaceAll(/\{(\w+)\}/g, (_all, part: string) => values[part] ?? '')
  const answer = await fetch(`${bench.gateway.url()}${place}`, {
    method,
    headers: {
      ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  texts.push(await answer.text())
  return answer.status
}

const codeOf = (text: string | undefined) => (JSON.parse(text ?? '') as { code: string }).code

test.each(operations)(
  '$id admits a key with its scope and refuses every other scope',
  async (each) => {
    for (const scope of SCOPES) {
      // The owner may change its things, so these requests name others.
      const status = await send(each, keys[scope], undefined, 'scratch')
      const text = texts.pop()
      if (each.scope === undefined || each.scope === scope) {
        expect([scope, [401, 403].includes(status)]).toEqual([scope, false])
      } else {
        expect([scope, status, codeOf(text)]).toEqual([scope, 403, 'scope-missing'])
      }
    }
  },
)

test.each(operations)(
  '$id refuses a missing, wrong, expired or revoked credential',
  async (each) => {
    const nowS = Math.floor(Date.now() / 1_000)
    const claims = claimsOf('a', SCOPES.join(' '))
    const wrong: Record<string, string | undefined> = {
      'no key': undefined,
      'a wrong secret': `${keys.everything.slice(0, -4)}AAAA`,
      'an expired key': keys.expired,
      'a revoked key': keys.revoked,
      'a token of another issuer': await issuer.sign(claims, { issuer: 'https://other.example' }),
      'an expired token': await issuer.sign(claims, { expiresAtS: nowS - 60 }),
      'a forged token': await issuer.sign(claims, { forged: true }),
      'an unsigned token': unsigned(),
    }
    for (const [what, credential] of Object.entries(wrong)) {
      const status = await send(each, credential)
      // Behind the limit of failures of this address the status is 429.
      expect([what, [401, 429].includes(status)]).toEqual([what, true])
    }
    expect([401, 403]).not.toContain(
      await send(each, await issuer.sign(claims), undefined, 'scratch'),
    )
  },
)

test.each(operations.filter(({ path }) => path.includes('{')))(
  '$id shows and changes nothing of another tenant',
  async (each) => {
    texts.length = 0
    const status = await send(each, keys.other, bodyOf(each))
    const own = each.method === 'PUT' ? [201] : each.method === 'DELETE' ? [204] : []
    // An earlier PUT of this tenant made its own definition under this name.
    if (each.id === 'listAgentVersions') own.push(200)
    const hidden = each.scope === 'admin' ? [403] : [404, ...own]
    expect(hidden).toContain(status)
    expect(texts.join()).not.toContain(CANARY)
  },
)

test("lists show a tenant nothing of another tenant, and the other tenant's definitions are unchanged after all requests", async () => {
  const other = bench.client(keys.other)
  const lists = [
    await other.agents(),
    await other.list(),
    await other.audit().catch(() => 'refused'),
  ]
  expect(JSON.stringify(lists)).not.toContain(CANARY)
  expect(lists.at(-1)).toBe('refused')
  const owner = bench.client(keys.everything)
  expect((await owner.agent('mine')).version).toBe(1)
  expect((await owner.get(places['id'] ?? '')).state).toBe('queued')
  expect(await send({ method: 'GET', path: '/v1/schedules/mine' }, keys.everything)).toBe(200)
})

test('a stream shows a key nothing of another tenant and nothing that needs another scope, and the audit log has each refused frame and task', async () => {
  const askOn = async (key: string, frame: object): Promise<unknown> => {
    const url = `${bench.gateway.url().replace('http', 'ws')}/v1/stream?access_token=${key}`
    const socket = new WebSocket(url)
    await once(socket, 'open')
    const answered = once(socket, 'message')
    socket.send(JSON.stringify(frame))
    const [data] = (await answered) as [Buffer]
    socket.close()
    return JSON.parse(data.toString())
  }
  for (const fleet of [['decisions'], ['incidents'], ['nodes']]) {
    const frame = { type: 'subscribe', fleet }
    expect(await askOn(keys.everything, frame)).toEqual({ type: 'subscribed', fleet })
    expect(await askOn(keys['tasks:read'], frame)).toMatchObject({ code: 'scope-missing' })
  }
  const taskIds = [places['id']]
  const task = { type: 'subscribe', taskIds, deltas: true }
  expect(await askOn(keys.everything, task)).toMatchObject({ type: 'event' })
  expect(await askOn(keys.other, task)).toMatchObject({ code: 'task-not-found' })
  for (const key of [keys['tasks:write'], keys.expired, keys.revoked]) {
    await expect(askOn(key, task)).rejects.toThrow(/40[13]|429/)
  }
  const limits = { scopes: ['tasks:write' as const], agents: ['developer'] }
  const limited = await bench.client(ADMIN).createKey({ name: 'x', tenant: 'a', ...limits })
  const batch = await bench.client(limited.key).submitBatch([{ task: 'x', agent: 'tester' }])
  expect(batch).toMatchObject([{ status: 403 }])
  await eventually(async () => {
    const { events } = await bench.client(ADMIN).audit({ kind: 'refusal', tenant: 'a', limit: 200 })
    const told = events.map(({ operation, code }) => `${operation} ${code}`)
    expect(told).toContain('openStream scope-missing')
    expect(told).toContain('submitBatch agent-not-allowed')
  })
})

/** A valid body where an operation needs one, so that only the tenant decides. */
function bodyOf({ id }: Operation): object | undefined {
  if (id === 'approveStep') return { approved: true }
  if (id === 'putAgent') return { role: 'theirs' }
  if (id === 'putSchedule') return { cron: '0 0 1 1 *', task: { task: 'theirs' } }
  return undefined
}
