import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { createAuthenticate } from '../../src/http/auth.ts'
import { parseApiKeys, parseOperators } from '../../src/config.ts'

const keys = parseApiKeys('acme:0123456789abcdef, beta:with:colons:in:it')

function request(headers: Record<string, string>, query: object = {}): FastifyRequest {
  return { headers, query } as unknown as FastifyRequest
}

test('a key identifies its tenant', () => {
  const authenticate = createAuthenticate(keys)
  const bearer = (key: string) => request({ authorization: `Bearer ${key}` })
  expect(authenticate(bearer('0123456789abcdef'), false)).toBe('acme')
  expect(authenticate(bearer('with:colons:in:it'), false)).toBe('beta')
  for (const wrong of ['', 'x', '0123456789abcde', '0123456789abcdef0']) {
    expect(() => authenticate(bearer(wrong), false)).toThrow(/API key/)
  }
})

test('only the stream takes a key from its address or its subprotocols', () => {
  const authenticate = createAuthenticate(keys)
  const inQuery = request({}, { access_token: '0123456789abcdef' })
  const offered = request({ 'sec-websocket-protocol': 'agentfleet, bearer.0123456789abcdef' })
  expect(authenticate(inQuery, true)).toBe('acme')
  expect(authenticate(offered, true)).toBe('acme')
  expect(() => authenticate(inQuery, false)).toThrow(/API key/)
  expect(() => authenticate(offered, false)).toThrow(/API key/)
})

test('without keys every request belongs to the default tenant', () => {
  expect(createAuthenticate(parseApiKeys(undefined))(request({}), false)).toBe('default')
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
})
