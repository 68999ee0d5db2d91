import { expect, test } from 'vitest'
import { secretsIn, withoutSecrets } from '../../src/secrets/secret-texts.ts'

const TOKEN = 'ghp_0123456789abcdefghijKLMN'
const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl'

test.each([
  ['connect ECONNREFUSED postgres://app:hunter2@db:5432/x', 'hunter2'],
  ['refused: Authorization: Bearer abcdef0123456789', 'abcdef0123456789'],
  [`bad credentials ${TOKEN}`, TOKEN],
  [`token ${JWT} has expired`, JWT],
  [`session-${JWT} has expired`, JWT],
  [`eyJ.eyJ-${JWT}`, JWT],
  ['{"password": "hunter2", "user": "app"}', 'hunter2'],
  ['GET /v1?api_key=hunter2&page=3 failed', 'hunter2'],
  ['CRM_TOKEN=hunter2 is wrong', 'hunter2'],
  ['Request cannot be constructed from a URL: https://hunter2-token@api/v1', 'hunter2-token'],
  ['connect redis://:hunter2@db', 'hunter2'],
  ['x-api-key: hunter2', 'hunter2'],
  ['Authorization: hunter2', 'hunter2'],
  ['{"headers":{"authorization":"hunter2"}}', 'hunter2'],
  ['Cookie: session=hunter2', 'hunter2'],
  ['Ocp-Apim-Subscription-Key and X-Auth-Token: hunter2', 'hunter2'],
  ['GET /v1/models?key=hunter2 failed', 'hunter2'],
  ['GET /blob?sv=1&sig=hunter2%3D failed', 'hunter2'],
  ['Incorrect key: pplx-0123456789abcdefghij', '0123456789abcdefghij'],
  ['Incorrect key: github_pat_0123456789abcdefghij', '0123456789abcdefghij'],
  ['Incorrect key: dapi0123456789abcdef0123456789', '0123456789'],
  ['Invalid Google token ya29.0123456789abcdefghij', '0123456789abcdefghij'],
  ['The key 0123ab********wxyz is unknown', 'wxyz'],
  ['-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----', 'hunter2'],
  ['the key af_abcdefghijkm_0123456789abcdefghij is revoked', '0123456789abcdefghij'],
])('the text "%s" loses its secret', (text, secret) => {
  expect(withoutSecrets(text, [])).not.toContain(secret)
})

test.each([
  'unknown field api_version; use one of the fields key_name, token_count',
  'the order 4711 does not exist; ask for an id such as order-2026-11-29',
  'HTTP 404 https://example.com/a/b?page=2#part',
  'Unexpected token: expected a string',
  'give the ***best*** answer, or ask @kim about https://example.com/@kim/notes',
  'the field x-task-key is unknown: use authorization or cookie',
  'see //server/share; at 12:30 key: value pairs are read',
])('the text "%s" has no secret and stays unchanged', (text) => {
  expect(withoutSecrets(text, [])).toBe(text)
})

test('values of variables with the name of a secret are removed, and other values are not', () => {
  const secrets = secretsIn({ DB_PASSWORD: 'correct horse', MODE: 'production', API_KEY: 'short' })
  expect(secrets).toEqual(['correct horse'])
  expect(withoutSecrets('login with correct horse in production', secrets)).toBe(
    'login with [secret] in production',
  )
})

test('100,000 hostile characters take less than a second, because each of them is read a bounded number of times', () => {
  for (const part of [
    '//',
    '//a:',
    'eyJ-',
    'eyJabcdefghijk.',
    'eyJ.',
    'sk-',
    'token="',
    'basic ',
    '-----BEGIN PRIVATE KEY-----',
    'aa***',
    '*',
    'authorization:',
    'x-',
    '?key=',
  ]) {
    const startedMs = performance.now()
    withoutSecrets(part.repeat(100_000 / part.length), [])
    expect(performance.now() - startedMs, part).toBeLessThan(1_000)
  }
})
