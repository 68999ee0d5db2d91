import { expect, test } from 'vitest'
import { principalIn } from '../../src/principals/jwt/verifier.ts'
import { setup } from '../support.ts'
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
  expect(principalIn({ ...payload, realm: 'none' }, names).scopes).toEqual([])
})
