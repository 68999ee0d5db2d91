import { expect, test } from 'vitest'
import { admit } from '../../src/principal/admit.ts'
import {
  principalNow,
  principalOf,
  rotatedKey,
  validSecrets,
  type ApiKey,
} from '../../src/principal/api-key.ts'

const key: ApiKey = {
  id: 'k',
  name: 'ci',
  tenant: 'acme',
  scopes: ['tasks:write'],
  createdAtMs: 0,
  createdBy: 'admin',
  secrets: [{ digest: 'first' }],
}
const digests = (each: ApiKey, nowMs: number) =>
  validSecrets(each, nowMs).map(({ digest }) => digest)

test('the rotation of an API key keeps the previous secret valid during the overlap, and no longer', () => {
  const rotated = rotatedKey(key, 'second', 1_000, 500)
  expect(digests(rotated, 1_499)).toEqual(['first', 'second'])
  expect(digests(rotated, 1_500)).toEqual(['second'])
  expect(digests(rotatedKey(key, 'second', 1_000, 0), 1_000)).toEqual(['second'])
})

test('a second rotation of an API key ends the oldest secret at once and never prolongs an overlap', () => {
  const twice = rotatedKey(rotatedKey(key, 'second', 1_000, 500), 'third', 1_200, 10_000)
  expect(digests(twice, 1_200)).toEqual(['second', 'third'])
  const again = rotatedKey({ ...key, secrets: [{ digest: 'a', untilMs: 5 }] }, 'b', 1, 100)
  expect(again.secrets).toEqual([{ digest: 'a', untilMs: 5 }, { digest: 'b' }])
})

test('a caller ends with the secret that it presented, and a caller with another secret of the key does not', () => {
  const caller = principalOf(key, key.secrets[0]!)
  expect(admit(caller, 'tasks:write', 9_999)).toEqual({ kind: 'allowed' })
  const rotated = rotatedKey(key, 'second', 1_000, 500)
  const late = principalNow(caller, rotated)
  expect(admit(late, 'tasks:write', 1_499)).toEqual({ kind: 'allowed' })
  expect(admit(late, 'tasks:write', 1_500)).toEqual({ kind: 'refused', reason: 'rotated' })
  const fresh = principalNow(principalOf(rotated, rotated.secrets[1]!), rotated)
  expect(admit(fresh, 'tasks:write', 1_500)).toEqual({ kind: 'allowed' })
  const gone = principalNow(caller, rotatedKey(key, 'second', 1_000, 0))
  expect(admit(gone, 'tasks:write', 1_000)).toEqual({ kind: 'refused', reason: 'rotated' })
})

test('the principal of a key has its rights, and of its secret only the beginning of the digest', () => {
  const full = { ...key, agents: ['writer'], limits: { concurrent: 2 }, expiresAtMs: 9 }
  expect(principalOf(full, { digest: 'first-of-43-characters' })).toEqual({
    secretId: 'first-of',
    keyId: 'k',
    tenant: 'acme',
    scopes: ['tasks:write'],
    agents: ['writer'],
    limits: { concurrent: 2 },
    expiresAtMs: 9,
  })
})
