import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setup, type GatewayBench } from '../support.ts'
import { claimsOf, startIssuer, unsigned, wholeClaims, type Issuer } from './issuer.ts'

/** Hostile and wrong tokens, against a gateway with a real issuer. */
let issuer: Issuer
let bench: GatewayBench
beforeAll(async () => {
  issuer = await startIssuer()
  bench = await setup({ ...issuer.variables, TRUSTED_PROXIES: '127.0.0.1' })
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
  await issuer[Symbol.asyncDispose]()
})

let callers = 0
/** Sends a token from an address that has sent no wrong one before. */
async function call(token: string, path = '/v1/me') {
  callers += 1
  const answer = await fetch(`${bench.gateway.url()}${path}`, {
    headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': `10.0.0.${callers}` },
  })
  const body = (await answer.json()) as { code?: string; detail?: string; scopes?: string[] }
  return { status: answer.status, body }
}

const signed = (part: object, header: object = {}) =>
  issuer.signText(header, JSON.stringify(wholeClaims(part)))
const nowS = () => Math.floor(Date.now() / 1_000)

/** Signs with the public key as if it were a shared secret. */
function signedWithPublicKey(): string {
  const [, payload = ''] = signed({}).split('.')
  const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'k1' })).toString('base64url')
  const mac = createHmac('sha256', issuer.publicPem()).update(`${head}.${payload}`)
  return `${head}.${payload}.${mac.digest('base64url')}`
}

const WRONG: Readonly<Record<string, readonly [() => string | Promise<string>, RegExp]>> = {
  'no signature and alg none': [() => unsigned(), /Send a valid API key/],
  'alg none and a signature': [() => signed({}, { alg: 'none' }), /not accept/],
  'alg NoNe': [() => signed({}, { alg: 'NoNe' }), /not accept/],
  'HS256 with the public key as its secret': [() => signedWithPublicKey(), /not accept/],
  'an algorithm that the key does not have': [() => signed({}, { alg: 'RS256' }), /no key/],
  'a key id that is unknown': [() => signed({}, { kid: 'other' }), /no key/],
  'a key id that is a path': [() => signed({}, { kid: '../../etc/passwd' }), /no key/],
  'a key id that is an object': [() => signed({}, { kid: {} }), /compact form|no key/],
  'the signature of another key': [
    () => issuer.sign(claimsOf('acme', 'admin'), { forged: true }),
    /signature/,
  ],
  'changed claims': [
    () => {
      const [head, , mac] = signed({}).split('.')
      const payload = JSON.stringify(wholeClaims({ scope: 'admin' }))
      return `${head}.${Buffer.from(payload).toString('base64url')}.${mac}`
    },
    /signature/,
  ],
  'a critical header that is unknown': [() => signed({}, { crit: ['x'], x: 1 }), /not accept/],
  'an expiry in the past': [() => signed({ exp: nowS() - 60 }), /expired/],
  'an expiry that is a text': [() => signed({ exp: '9999999999' }), /claim exp/],
  'no expiry': [() => signed({ exp: undefined }), /claim exp/],
  'a start in the future': [() => signed({ nbf: nowS() + 600 }), /claim nbf/],
  'an issue in the future': [() => signed({ iat: nowS() + 86_400 }), /claim iat/],
  'another issuer': [() => signed({ iss: 'https://evil.example' }), /claim iss/],
  'a list of issuers': [() => signed({ iss: ['https://issuer.example'] }), /claim iss/],
  'another audience': [() => signed({ aud: 'other' }), /claim aud/],
  'other audiences': [() => signed({ aud: ['other', 'agentfleet2'] }), /claim aud/],
  'no audience': [() => signed({ aud: undefined }), /claim aud/],
  'no subject': [() => signed({ sub: undefined }), /claim sub/],
  'a subject that is a number': [() => signed({ sub: 5 }), /claim sub/],
  'an empty subject': [() => signed({ sub: '' }), /claim sub/],
  'no tenant': [() => signed({ fleet: undefined }), /claim fleet.tenant/],
  ...Object.fromEntries(
    [
      '*',
      '>',
      'acme.>',
      'a.b',
      '',
      'ACME',
      'a b',
      '__proto__',
      'a'.repeat(49),
      ['acme'],
      5,
      {},
      null,
    ].map((tenant) => [
      `the tenant ${JSON.stringify(tenant)}`,
      [() => signed({ fleet: { tenant } }), /claim fleet.tenant/] as const,
    ]),
  ),
  'claims that are a list': [() => issuer.signText({}, '[]'), /compact form/],
  'claims that are not JSON': [() => issuer.signText({}, '{'), /compact form/],
  'claims that are nested 3,000 deep': [
    () => issuer.signText({}, '['.repeat(3_000) + ']'.repeat(3_000)),
    /compact form/,
  ],
  'more than 8,192 characters': [() => signed({ pad: 'x'.repeat(8_000) }), /8192/],
  'three dots': [() => 'a.b.c', /compact form/],
}

test.each(Object.entries(WRONG))(
  'the gateway answers 401 with the reason to a token with %s',
  async (_what, [make, detail]) => {
    const startedMs = performance.now()
    const { status, body } = await call(await make())
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    expect(body).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(status).toBe(401)
    expect(body.detail).toMatch(detail)
  },
)

test('the gateway refuses tokens larger than its headers, and continues to serve', async () => {
  const large = await fetch(`${bench.gateway.url()}/v1/me`, {
    headers: { authorization: `Bearer ${signed({ pad: 'x'.repeat(65_536) })}` },
  }).catch(() => undefined)
  expect([undefined, 400, 431]).toContain(large?.status)
  expect((await call(signed({}))).status).toBe(200)
})

test('the gateway never reads a key from an address in the token, and never takes a key that a token brings', async () => {
  const other = await startIssuer()
  other.rotate('k1')
  const address = other.variables['JWT_JWKS_URL']
  const forged = (header: object) => other.signText(header, JSON.stringify(wholeClaims()))
  const brought = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }
  for (const header of [{ jku: address }, { x5u: address }, { jwk: brought }, { x5c: ['AA'] }]) {
    expect((await call(forged(header))).status).toBe(401)
    // The gateway accepts a right signature and ignores additional fields of the header.
    expect((await call(signed({}, header))).status).toBe(200)
  }
  expect(other.reads()).toBe(0)
  await other[Symbol.asyncDispose]()
})

test.each([
  { what: 'a text', scope: 'openid tasks:read', scopes: ['tasks:read'] },
  { what: 'a list', scope: ['tasks:read', 5, null], scopes: ['tasks:read'] },
  { what: 'a list in a list', scope: [['tasks:read']], scopes: [] },
  { what: 'an object', scope: { 'tasks:read': true }, scopes: [] },
  { what: 'a number', scope: 5, scopes: [] },
  { what: 'missing', scope: undefined, scopes: [] },
  { what: 'a wildcard', scope: '* tasks:*', scopes: [] },
])('a token whose scopes are $what has exactly its known scopes', async ({ scope, scopes }) => {
  const token = signed({ scope })
  expect((await call(token)).body.scopes).toEqual(scopes)
  const { status, body } = await call(token, '/v1/keys')
  expect([status, body.code]).toEqual([403, 'scope-missing'])
})

test('a token with several audiences counts for each of them, and of a claim that is there twice the last one counts', async () => {
  expect((await call(signed({ aud: ['other', 'agentfleet'] }))).status).toBe(200)
  const text = JSON.stringify(wholeClaims())
  const twice = `{"fleet":{"tenant":"beta"},${text.slice(1)}`
  expect((await call(issuer.signText({}, twice))).body).toMatchObject({ tenant: 'acme' })
})

test('a token without end is a token until the latest date, and two long subjects are two callers', async () => {
  expect(
    (
      await call(
        issuer.signText({}, JSON.stringify(wholeClaims()).replace(/"exp":\d+/, '"exp":1e300')),
      )
    ).body,
  ).toMatchObject({ expiresAt: '+275760-09-13T00:00:00.000Z' })
  const [one, other] = await Promise.all(
    ['a', 'b'].map((end) => call(signed({ sub: 'x'.repeat(200) + end }))),
  )
  expect(one?.body).not.toEqual(other?.body)
  // Nor can a subject take the name that a longer one has.
  const { keyId } = (one as { body: object }).body as { keyId: string }
  const taken = await call(signed({ sub: keyId.slice('jwt:'.length) }))
  expect(taken.status).toBe(200)
  expect(taken.body).not.toMatchObject({ keyId })
})
