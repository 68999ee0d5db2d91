import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createDefinitionChecks } from '../../src/agents/checks.ts'

test('checks at most two schemas of a tenant at a time, so 300 of them do not come before the schema of another tenant (L7)', async () => {
  const begun: string[] = []
  const checks = createDefinitionChecks({
    async checkSchema(_schema, tenant) {
      begun.push(tenant)
      await nextTurn()
      return { kind: 'ok' }
    },
  })
  const check = (tenant: string) => checks.responseSchema({}, tenant, '/responseSchema')
  const busy = Array.from({ length: 300 }, () => check('busy'))
  await check('quiet')
  expect(begun.indexOf('quiet')).toBeLessThanOrEqual(4)
  await Promise.all(busy)
  expect(begun).toHaveLength(301)
})

test('a definition that asks the built-in model echo for something that it does not know is refused with the place', async () => {
  const checks = createDefinitionChecks({ checkSchema: async () => ({ kind: 'ok' }) })
  await expect(checks.definition({ model: 'echo?x=1' }, 'acme')).rejects.toMatchObject({
    code: 'unknown-model',
    errors: [{ pointer: '/model' }],
  })
  await expect(
    checks.definition({ fallbackModels: ['echo', 'echo?msec=5'] }, 'acme', '/agentDefinition'),
  ).rejects.toMatchObject({ errors: [{ pointer: '/agentDefinition/fallbackModels' }] })
  await checks.definition({ model: 'echo?ms=5' }, 'acme')
})
