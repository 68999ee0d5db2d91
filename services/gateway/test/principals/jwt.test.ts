import { eventually } from '@agentfleet/testkit'
import { expect, test } from 'vitest'
import { principalIn } from '../../src/principals/jwt/verifier.ts'
import { nextPointer, setup } from '../support.ts'
import { claimsOf, startIssuer } from './issuer.ts'

test('a JWT of the configured issuer gives its caller the tenant and the known scopes of its claims', async () => {
  await using issuer = await startIssuer()
  await using bench = await setup(issuer.variables)
  const token = await issuer.sign(claimsOf('acme', 'tasks:read openid tasks:write'))
  const client = bench.client(token)
  expect(await client.me()).toMatchObject({
    keyId: 'jwt:ada',
    tenant: 'acme',
    scopes: ['tasks:read', 'tasks:write'],
  })
  expect((await client.submit({ task: 'x' })).state).toBe('queued')
  await expect(client.fleet()).rejects.toMatchObject({ problem: { code: 'scope-missing' } })
  expect(issuer.reads()).toBe(1)
})

test('JWT_REQUESTS_PER_MINUTE and JWT_CONCURRENT limit all tokens of one subject together, and no other subject', async () => {
  await using issuer = await startIssuer()
  await using bench = await setup({
    ...issuer.variables,
    JWT_REQUESTS_PER_MINUTE: '100',
    JWT_CONCURRENT: '1',
  })
  const clientOf = async (sub: string, jti: string) =>
    bench.client(await issuer.sign({ ...claimsOf('acme', 'tasks:read tasks:write'), sub, jti }))
  const [first, second, other] = await Promise.all([
    clientOf('ada', '1'),
    clientOf('ada', '2'),
    clientOf('bob', '3'),
  ])
  expect((await first.me()).limits).toEqual({ requestsPerMinute: 100, concurrent: 1 })
  const abort = new AbortController()
  const pointer = await nextPointer(bench.bus)
  const options = { waitSeconds: 60, signal: abort.signal }
  const waiting = first.submit({ task: 'x' }, options).catch(() => undefined)
  await pointer()
  await expect(second.me()).rejects.toMatchObject({
    status: 429,
    problem: {
      code: 'too-many-requests-open',
      detail: expect.stringMatching(
        /^All tokens of this subject together may have 1 req/,
      ) as string,
    },
  })
  abort.abort()
  await waiting
  await Promise.allSettled(Array.from({ length: 110 }, () => second.me()))
  await eventually(async () => {
    await expect(second.me()).rejects.toMatchObject({ problem: { code: 'rate-limited' } })
  }, 30_000)
  expect((await other.me()).keyId).toBe('jwt:bob')
})

test('API_KEYS_REQUESTS_PER_MINUTE limits each key of API_KEYS over all gateways, and no other key', async () => {
  const [one, other, admin] = ['key-one-of-acme-0123', 'key-two-of-acme-0123', 'a'.repeat(32)]
  await using bench = await setup({
    API_KEYS: `acme:${one},acme:${other}`,
    ADMIN_KEY: admin!,
    API_KEYS_REQUESTS_PER_MINUTE: '20',
    API_KEYS_CONCURRENT: '100',
  })
  const second = await bench.another()
  const limits = { requestsPerMinute: 20, concurrent: 100 }
  const ask = async (key: string, url = bench.gateway.url()) =>
    (await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${key}` } })).status
  const startedMs = performance.now()
  const urls = Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? second : bench.gateway).url())
  const statuses = await Promise.all(urls.map((url) => ask(one!, url)))
  const refilled = ((performance.now() - startedMs) * limits.requestsPerMinute) / 60_000
  const accepted = statuses.filter((status) => status === 200).length
  expect(accepted).toBeGreaterThanOrEqual(limits.requestsPerMinute)
  expect(accepted).toBeLessThanOrEqual(limits.requestsPerMinute + refilled + 1)
  expect((await bench.client(other).me()).limits).toEqual(limits)
  expect((await bench.client(admin).me()).limits).toBeUndefined()
})

test('a JWT is refused with 503 while the keys of its issuer cannot be read', async () => {
  await using issuer = await startIssuer()
  await using bench = await setup({ ...issuer.variables, JWT_JWKS_URL: 'http://127.0.0.1:9/keys' })
  const token = await issuer.sign(claimsOf('acme', 'tasks:read'))
  await expect(bench.client(token).me()).rejects.toMatchObject({
    status: 503,
    problem: { code: 'issuer-unavailable' },
  })
})

test('the gateway looks for a claim of a JWT by its whole name first and then by nested names, and accepts a list of scopes', () => {
  const names = { JWT_TENANT_CLAIM: 'https://x.example/tenant', JWT_SCOPE_CLAIM: 'realm.roles' }
  const payload = {
    sub: 's',
    exp: 9,
    'https://x.example/tenant': 'acme',
    realm: { roles: ['admin', 'offline_access'] },
  }
  expect(principalIn(payload, names)).toEqual({
    keyId: 'jwt:s',
    tenant: 'acme',
    scopes: ['admin'],
    expiresAtMs: 9_000,
  })
  expect(principalIn({ ...payload, realm: 'none' }, names).scopes).toEqual([])
})
