import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { principalIn } from '../../src/principals/jwt.ts'
import { setup } from '../support.ts'
import { claimsOf, startIssuer, unsigned } from './issuer.ts'

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

test('the gateway refuses an invalid JWT, no matter what is wrong with the token', async () => {
  await using issuer = await startIssuer()
  await using bench = await setup(issuer.variables)
  const claims = claimsOf('acme', 'tasks:read')
  const secret = new TextEncoder().encode('a shared secret of a stranger')
  const nowS = Math.floor(Date.now() / 1_000)
  const wrong = {
    'another issuer': await issuer.sign(claims, { issuer: 'https://other.example' }),
    'another audience': await issuer.sign(claims, { audience: 'other' }),
    expired: await issuer.sign(claims, { expiresAtS: nowS - 60 }),
    forged: await issuer.sign(claims, { forged: true }),
    'an unknown key id': await issuer.sign(claims, { kid: 'k2' }),
    unsigned: unsigned(claims),
    'signed with a shared secret': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .setIssuer('https://issuer.example')
      .setAudience('agentfleet')
      .setExpirationTime('1h')
      .sign(secret),
    'without a tenant': await issuer.sign({ sub: 'ada', scope: 'tasks:read' }),
    'with a wildcard as tenant': await issuer.sign(claimsOf('acme.>', 'tasks:read')),
    'without a subject': await issuer.sign({ ...claims, sub: undefined } as never),
    'not a token': 'a.b.c',
    'too long': `${'a'.repeat(9_000)}.b.c`,
  }
  for (const [what, token] of Object.entries(wrong)) {
    const answer = await fetch(`${bench.gateway.url()}/v1/me`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect([what, answer.status]).toEqual([what, 401])
  }
})

test('a JWT is refused with 503 while the keys of its issuer cannot be read', async () => {
  await using issuer = await startIssuer()
  await using bench = await setup({
    ...issuer.variables,
    JWT_JWKS_URL: 'http://127.0.0.1:9/keys',
  })
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
  expect(principalIn({ ...payload, realm: 'none' }, names)?.scopes).toEqual([])
})
