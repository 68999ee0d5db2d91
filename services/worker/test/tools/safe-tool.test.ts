import { isToolFailure, toolFailure } from '@agentfleet/toolkit'
import { expect, test } from 'vitest'
import { builtInTools } from '../../src/tools/built-in.ts'
import { runTool } from '../../src/tools/run-tool.ts'
import { safeError, safeTool, secretsIn, withoutSecrets } from '../../src/tools/safe-tool.ts'
import type { Tool } from '../../src/tools/tool.ts'

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
  ['the key af_abcdefghijkm_0123456789abcdefghij is revoked', '0123456789abcdefghij'],
])('the text "%s" loses its secret', (text, secret) => {
  expect(withoutSecrets(text, [])).not.toContain(secret)
})

test.each([
  'unknown field api_version; use one of the fields key_name, token_count',
  'the order 4711 does not exist; ask for an id such as order-2026-11-29',
  'HTTP 404 https://example.com/a/b?page=2#part',
  'Unexpected token: expected a string',
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
  ]) {
    const startedMs = performance.now()
    withoutSecrets(part.repeat(100_000 / part.length), [])
    expect(performance.now() - startedMs, part).toBeLessThan(1_000)
  }
})

test('a safe error keeps its code and what follows from it, and loses the request that its client attached', () => {
  const cause = Object.assign(new Error('POST https://u:hunter2@crm'), {
    code: 'ECONNRESET',
    config: { headers: { authorization: 'hunter2' } },
  })
  const safe = safeError(toolFailure('retry', 'hunter2 was refused', cause), ['hunter2'])
  expect(isToolFailure(safe) && safe.next).toBe('retry')
  expect((safe as Error).cause).toMatchObject({ code: 'ECONNRESET' })
  expect((safe as Error).cause).not.toHaveProperty('config')
  const { stack } = safe as Error
  expect(`${stack} ${((safe as Error).cause as Error).stack}`).not.toContain('hunter2')
})

test('the error of a tool reaches the model and the log without secrets, and an answer on purpose stays unchanged', async () => {
  const logged: object[] = []
  const call = (run: Tool['run']) =>
    runTool(
      new Map([
        [
          'crm',
          safeTool({ ...builtInTools().get('calculate')!, check: () => undefined, run }, [
            'open sesame',
          ]),
        ],
      ]),
      { id: 'a', name: 'crm', arguments: '{}' },
      {
        taskId: 't',
        tenant: 'acme',
        step: 1,
        deadlineAtMs: Date.now() + 60_000,
        charactersMax: 1_000,
        nowMs: Date.now,
        random: () => 0,
        log: { info() {}, warn: (_message, fields) => void logged.push(fields ?? {}), error() {} },
        onStart: () => undefined,
      },
    )
  const thrown = await call(() => Promise.reject(new Error('open sesame: redis://:hunter2@db')))
  expect(thrown).toMatchObject({
    output: { error: true, text: 'error: [secret]: redis://[secret]@db' },
  })
  const { err } = logged[0] as { err: Error }
  expect(`${err.message} ${err.stack}`).not.toMatch(/sesame|hunter2/)
  const said = await call(() => Promise.resolve({ text: 'error: open sesame', error: true }))
  expect(said).toMatchObject({ output: { text: 'error: [secret]' } })
  const answer = { text: 'your new password=abcdef', error: false }
  expect(await call(() => Promise.resolve(answer))).toMatchObject({ output: answer })
})
