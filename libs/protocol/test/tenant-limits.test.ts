import { limitOf } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { readTenantLimits } from '../src/values/tenant-limits.ts'

test.each([
  ['no JSON', '{', 'must be JSON'],
  ['no tenant', '{"A B":{}}', 'TENANT_LIMITS'],
  ['nothing at once', '{"a":{"concurrency":0}}', 'a.concurrency'],
  ['an unknown word', '{"a":{"wieght":2}}', 'wieght'],
  ['less than one large task', '{"a":{"logBytes":1000}}', 'a.logBytes'],
])('TENANT_LIMITS with %s is refused with the reason', (_what, text, message) => {
  expect(readTenantLimits(text).problems.join()).toContain(message)
})

test('a tenant without an entry gets the limits of *, and a tenant with an entry gets only the limits of this entry', () => {
  const { limits, problems } = readTenantLimits('{"*":{"tasks":5,"streams":2},"a":{"tasks":9}}')
  expect(problems).toEqual([])
  expect(limitOf(limits, 'b')).toEqual({ weight: 1, tasks: 5, streams: 2 })
  expect(limitOf(limits, 'a')).toEqual({ weight: 1, tasks: 9 })
  expect(limitOf(readTenantLimits(undefined).limits, 'b')).toEqual({ weight: 1 })
})
