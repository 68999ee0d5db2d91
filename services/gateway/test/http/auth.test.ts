import { SCOPES, type ApiKey, type Principal } from '@agentfleet/domain'
import { loadConfig } from '@agentfleet/runtime'
import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { createAuthenticate, type Credentials } from '../../src/http/auth.ts'
import {
  digestOf,
  holdersOf,
  holderWith,
  newKeyId,
  newSecret,
  tokenOf,
} from '../../src/principals/tokens.ts'
import { parseApiKeys, parseOperators, schema } from '../../src/config.ts'

const CONFIG = { API_KEYS: 'acme:0123456789abcdef, beta:with:colons:in:it' }
const ADMIN_KEY = 'an-admin-key-of-32-characters-0000'
const SECRET = newSecret()
const KEY: ApiKey = {
  id: newKeyId(),
  name: 'ci',
  tenant: 'gamma',
  scopes: ['tasks:read'],
  createdAtMs: 0,
  createdBy: 'env-admin',
  expiresAtMs: 1_000,
  secrets: [{ digest: digestOf(SECRET) }],
}
const HOLDERS = holdersOf(KEY)
let nowMs = 0
const CREDENTIALS: Credentials = {
  keys: parseApiKeys(CONFIG.API_KEYS),
  directory: {
    current: () => true,
    holder: ({ id, secret }) => (id === KEY.id ? holderWith(HOLDERS, secret) : undefined),
  },
  nowMs: () => nowMs,
}

const PLAIN = { scope: 'tasks:read', stream: false } as const
const STREAM = { scope: 'tasks:read', stream: true } as const

function request(headers: Record<string, string>, query: object = {}): FastifyRequest {
  return { headers, query } as FastifyRequest
}

/** The check of callers; these credentials are found without waiting. */
function authenticates(credentials: Partial<Credentials> = {}) {
  const authenticate = createAuthenticate({ ...CREDENTIALS, ...credentials })
  return (...asked: Parameters<typeof authenticate>) => authenticate(...asked) as Principal
}

test('an API key identifies its tenant', () => {
  const authenticate = authenticates()
  const bearer = (key: string) => request({ authorization: `Bearer ${key}` })
  expect(authenticate(bearer('0123456789abcdef'), PLAIN).tenant).toBe('acme')
  expect(authenticate(bearer('with:colons:in:it'), PLAIN).tenant).toBe('beta')
  for (const wrong of ['', 'x', '0123456789abcde', '0123456789abcdef0']) {
    expect(() => authenticate(bearer(wrong), PLAIN)).toThrow(/API key/)
  }
})

test('each secret of a key identifies its own caller each time it is sent, and no other secret does', () => {
  const second = newSecret()
  const holders = holdersOf({
    ...KEY,
    secrets: [{ digest: digestOf(SECRET), untilMs: 500 }, { digest: digestOf(second) }],
  })
  for (let times = 0; times < 3; times += 1) {
    expect(holderWith(holders, newSecret())).toBeUndefined()
    expect(holderWith(holders, SECRET.slice(1))).toBeUndefined()
    expect(holderWith(holders, SECRET)?.secretUntilMs).toBe(500)
    expect(holderWith(holders, second)).toMatchObject({ keyId: KEY.id })
    expect(holderWith(holders, second)?.secretUntilMs).toBeUndefined()
  }
})

test('a configured key has every scope except admin', () => {
  const authenticate = authenticates()
  const bearer = request({ authorization: 'Bearer 0123456789abcdef' })
  for (const scope of SCOPES) {
    const use = () => authenticate(bearer, { scope, stream: false })
    if (scope === 'admin') expect(use).toThrow(/needs a key with the scope admin/)
    else expect(use().keyId).toMatch(/^env-[0-9a-f]{8}$/)
  }
})

test('a configured key keeps its id when other keys come and go, so that it stays the submitter of its tasks', () => {
  const [first, ...others] = CREDENTIALS.keys
  const idOf = (keys: typeof CREDENTIALS.keys) =>
    authenticates({ keys })(request({ authorization: `Bearer ${others[0]?.key}` }), PLAIN).keyId
  expect(first).toBeDefined()
  expect(idOf(others)).toBe(idOf(CREDENTIALS.keys))
})

test('the admin key has every scope for the default tenant', () => {
  const authenticate = authenticates({ keys: [], adminKey: ADMIN_KEY })
  const caller = authenticate(request({ authorization: `Bearer ${ADMIN_KEY}` }), PLAIN)
  expect(caller).toMatchObject({ keyId: 'env-admin', tenant: 'default', scopes: SCOPES })
  expect(() => authenticate(request({}), PLAIN)).toThrow(/API key/)
})

test('a stored API key is accepted with its id and its secret until the key expires', () => {
  const authenticate = authenticates()
  const use = (id: string, secret: string) =>
    authenticate(request({ authorization: `Bearer ${tokenOf({ id, secret })}` }), PLAIN)
  nowMs = 999
  expect(use(KEY.id, SECRET)).toMatchObject({ keyId: KEY.id, tenant: 'gamma' })
  expect(() => use(KEY.id, newSecret())).toThrow(/Send a valid API key/)
  expect(() => use(newKeyId(), SECRET)).toThrow(/Send a valid API key/)
  nowMs = 1_000
  expect(() => use(KEY.id, SECRET)).toThrow(
    'This key expired at 1970-01-01T00:00:01.000Z; ask for a new key.',
  )
})

test('a gateway that has not read the keys yet refuses a stored key and accepts a configured one', () => {
  const authenticate = authenticates({
    directory: { ...CREDENTIALS.directory, current: () => false },
  })
  const stored = request({ authorization: `Bearer ${tokenOf({ id: KEY.id, secret: SECRET })}` })
  expect(() => authenticate(stored, PLAIN)).toThrow(/not read the keys yet/)
  const configured = request({ authorization: 'Bearer 0123456789abcdef' })
  expect(authenticate(configured, PLAIN).tenant).toBe('acme')
})

test('only the stream takes a key from its address or its subprotocols', () => {
  const authenticate = authenticates()
  const inQuery = request({}, { access_token: '0123456789abcdef' })
  const offered = request({ 'sec-websocket-protocol': 'agentfleet, bearer.0123456789abcdef' })
  expect(authenticate(inQuery, STREAM).tenant).toBe('acme')
  expect(authenticate(offered, STREAM).tenant).toBe('acme')
  expect(() => authenticate(inQuery, PLAIN)).toThrow(/API key/)
  expect(() => authenticate(offered, PLAIN)).toThrow(/API key/)
})

test('without keys every request belongs to the default tenant', () => {
  const open = authenticates({ keys: [] })
  expect(open(request({}), PLAIN)).toMatchObject({ tenant: 'default', scopes: SCOPES })
  const any = request({ authorization: 'Bearer a-key-that-some-client-must-send' })
  expect(open(any, PLAIN).tenant).toBe('default')
})

test('the tenants in OPERATOR_TENANTS are operators, every tenant is an operator if no keys are configured, and an unknown name is refused', () => {
  expect([...parseOperators(['acme'], CONFIG)]).toEqual(['acme'])
  expect([...parseOperators([], CONFIG)]).toEqual([])
  expect([...parseOperators([], {})]).toEqual(['default'])
  expect(() => parseOperators(['acme', 'acne'], CONFIG)).toThrow(/OPERATOR_TENANTS.*acne/)
})

test('an error about an invalid key names its position in API_KEYS and never repeats the key', () => {
  const wrong = 'Acme:0123456789abcdef,beta:short,x:abcdefghijklmnop,y:abcdefghijklmnop'
  expect(() => parseApiKeys(wrong)).toThrow(/entry 1[^]*entry 2[^]*same key/)
  expect(() => parseApiKeys(wrong)).not.toThrow(/abcdefghijklmnop|short/)
  const bare = () => parseApiKeys('a-key-of-16-characters')
  expect(bare).toThrow('API_KEYS: entry 1 must read tenant:key; it has no colon')
  expect(bare).not.toThrow(/a-key-of/)
})

const STORED_FORM = `af_${'a'.repeat(12)}_${'b'.repeat(43)}`

test.each([
  ['a blank before it', ' 0123456789abcdef'],
  ['a blank in it', '01234567 89abcdef'],
  ['a line break in it', '01234567\n89abcdef'],
  ['a letter that no header carries', '0123456789abcdéf'],
  ['the form of a stored key', STORED_FORM],
])('a gateway does not start with a key that no caller could use: %s', (_title, key) => {
  const secret = /89abcd|aaaa/
  for (const env of [{ API_KEYS: `acme:${key}` }, { ADMIN_KEY: `${key}${key}`.slice(0, 59) }]) {
    expect(() => loadConfig(schema, env)).toThrow(/(API_KEYS: entry 1|ADMIN_KEY:) has a key/)
    expect(() => loadConfig(schema, env)).not.toThrow(secret)
  }
})

test('a gateway does not start if the key of a tenant is also the admin key, which has all rights', () => {
  const key = '0123456789abcdef0123456789abcdef'
  const env = { API_KEYS: `acme:fedcba9876543210,beta:${key}`, ADMIN_KEY: key }
  expect(() => loadConfig(schema, env)).toThrow(/ADMIN_KEY: is also a key of a tenant/)
  expect(() => loadConfig(schema, { ...env, ADMIN_KEY: `${key}0` })).not.toThrow()
})

test('the 401 for a ticket says that it opens one stream within 30 s and how to get another one, and speaks of no API key', async () => {
  const stream = { scope: 'tasks:read', stream: true } as const
  const detail =
    /ticket opens one stream, within 30 s\. Get another ticket with POST \/v1\/tickets\.$/
  const used = authenticates({ ticket: () => undefined })
  const late = createAuthenticate({ ...CREDENTIALS, ticket: () => Promise.resolve(undefined) })
  const asked = request({}, { ticket: 'aft_used' })
  expect(() => used(asked, stream)).toThrow(detail)
  await expect(late(asked, stream)).rejects.toThrow(detail)
  await expect(late(asked, stream)).rejects.not.toThrow(/API key/)
})

test('the 401 for a ticket that is sent as an API key says where the ticket belongs', () => {
  const asked = request({ authorization: 'Bearer aft_something' })
  expect(() => authenticates()(asked, PLAIN)).toThrow(
    /^A ticket is not an API key: it opens one stream, in the query of GET \/v1\/stream\. Send a valid API key/,
  )
})
