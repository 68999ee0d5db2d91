import type { FastifyRequest } from 'fastify'
import { SCOPES } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { createAuthenticate } from '../../src/http/auth.ts'
import { parseApiKeys, parseOperators } from '../../src/config.ts'

const keys = parseApiKeys('acme:0123456789abcdef, beta:with:colons:in:it')

const PLAIN = { scope: 'tasks:read', stream: false } as const
const STREAM = { scope: 'tasks:read', stream: true } as const

function request(headers: Record<string, string>, query: object = {}): FastifyRequest {
  return { headers, query } as unknown as FastifyRequest
}

test('a key identifies its tenant', () => {
  const authenticate = createAuthenticate(keys)
  const bearer = (key: string) => request({ authorization: `Bearer ${key}` })
  expect(authenticate(bearer('0123456789abcdef'), PLAIN).tenant).toBe('acme')
  expect(authenticate(bearer('with:colons:in:it'), PLAIN).tenant).toBe('beta')
  for (const wrong of ['', 'x', '0123456789abcde', '0123456789abcdef0']) {
    expect(() => authenticate(bearer(wrong), PLAIN)).toThrow(/API key/)
  }
})

test('a configured key has every scope except admin', () => {
  const authenticate = createAuthenticate(keys)
  const bearer = request({ authorization: 'Bearer 0123456789abcdef' })
  for (const scope of SCOPES) {
    const use = () => authenticate(bearer, { scope, stream: false })
    if (scope === 'admin') expect(use).toThrow(/needs a key with the scope admin/)
    else expect(use().keyId).toBe('env-1')
  }
})

test('only the stream takes a key from its address or its subprotocols', () => {
  const authenticate = createAuthenticate(keys)
  const inQuery = request({}, { access_token: '0123456789abcdef' })
  const offered = request({ 'sec-websocket-protocol': 'agentfleet, bearer.0123456789abcdef' })
  expect(authenticate(inQuery, STREAM).tenant).toBe('acme')
  expect(authenticate(offered, STREAM).tenant).toBe('acme')
  expect(() => authenticate(inQuery, PLAIN)).toThrow(/API key/)
  expect(() => authenticate(offered, PLAIN)).toThrow(/API key/)
})

test('without keys every request belongs to the default tenant', () => {
  const open = createAuthenticate(parseApiKeys(undefined))(request({}), PLAIN)
  expect(open).toMatchObject({ tenant: 'default', scopes: SCOPES })
})

test('operators are the named tenants, or all tenants without keys, and an unknown name is refused', () => {
  expect([...parseOperators(['acme'], keys)]).toEqual(['acme'])
  expect([...parseOperators([], keys)]).toEqual([])
  expect([...parseOperators([], [])]).toEqual(['default'])
  expect(() => parseOperators(['acme', 'acne'], keys)).toThrow(/OPERATOR_TENANTS.*acne/)
})

test('invalid keys are reported by position, never by text', () => {
  const wrong = 'Acme:0123456789abcdef,beta:short,x:abcdefghijklmnop,y:abcdefghijklmnop'
  expect(() => parseApiKeys(wrong)).toThrow(/entry 1[^]*entry 2[^]*same key/)
  expect(() => parseApiKeys(wrong)).not.toThrow(/abcdefghijklmnop|short/)
  const bare = () => parseApiKeys('a-key-of-16-characters')
  expect(bare).toThrow('API_KEYS: entry 1 must read tenant:key; it has no colon')
  expect(bare).not.toThrow(/a-key-of/)
})
