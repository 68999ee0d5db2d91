import { expect, test } from 'vitest'
import { admit, mayUseAgent, SCOPES, type Principal } from '../../src/principal/admit.ts'

const principal: Principal = { keyId: 'k', tenant: 'acme', scopes: ['tasks:read'] }

test('a principal is admitted for exactly the scopes that it has', () => {
  for (const held of SCOPES) {
    for (const scope of SCOPES) {
      const { kind } = admit({ ...principal, scopes: [held] }, scope, 0)
      expect(kind, `${held} for ${scope}`).toBe(held === scope ? 'allowed' : 'refused')
    }
  }
})

test('an operation without a scope admits every principal that is neither revoked nor expired', () => {
  expect(admit({ ...principal, scopes: [] }, undefined, 0)).toEqual({ kind: 'allowed' })
  const revoked = { ...principal, revokedAtMs: 1 }
  expect(admit(revoked, undefined, 0)).toEqual({ kind: 'refused', reason: 'revoked' })
  const expiring = { ...principal, expiresAtMs: 10 }
  expect(admit(expiring, undefined, 9)).toEqual({ kind: 'allowed' })
  expect(admit(expiring, undefined, 10)).toEqual({ kind: 'refused', reason: 'expired' })
})

test('a principal without a list of agents may use every agent, and a principal with a list may use only the agents in the list', () => {
  expect(mayUseAgent(principal, 'developer')).toBe(true)
  expect(mayUseAgent({ ...principal, agents: ['developer'] }, 'developer')).toBe(true)
  expect(mayUseAgent({ ...principal, agents: [] }, 'developer')).toBe(false)
})
