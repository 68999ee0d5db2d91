import { expect, test } from 'vitest'
import { principalOf, rotatedKey, validSecrets, type ApiKey } from '../../src/principal/api-key.ts'

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

test('the principal of a key has its rights and none of its secrets', () => {
  const full = { ...key, agents: ['writer'], limits: { concurrent: 2 }, expiresAtMs: 9 }
  expect(principalOf(full)).toEqual({
    keyId: 'k',
    tenant: 'acme',
    scopes: ['tasks:write'],
    agents: ['writer'],
    limits: { concurrent: 2 },
    expiresAtMs: 9,
  })
})
