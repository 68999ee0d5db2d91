import { budgetOf, limitOf } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { readTenantBudgets, readTenantLimits } from '../src/values/tenant-settings.ts'

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
  const { value: limits, problems } = readTenantLimits(
    '{"*":{"tasks":5,"streams":2},"a":{"tasks":9}}',
  )
  expect(problems).toEqual([])
  expect(limitOf(limits, 'b')).toEqual({ weight: 1, tasks: 5, streams: 2 })
  expect(limitOf(limits, 'a')).toEqual({ weight: 1, tasks: 9 })
  expect(limitOf(readTenantLimits(undefined).value, 'b')).toEqual({ weight: 1 })
})

test('budgets are read for each tenant, and invalid budgets are listed', () => {
  expect(readTenantBudgets(undefined)).toEqual({ value: {}, problems: [] })
  const { value: budgets, problems } = readTenantBudgets(
    '{"*":{"usdPerDay":5},"acme":{"tokensPerHour":1000}}',
  )
  expect(problems).toEqual([])
  expect(budgetOf(budgets, 'acme')).toEqual({ tokensPerHour: 1_000 })
  expect(budgetOf(budgets, 'beta')).toEqual({ usdPerDay: 5 })
  expect(readTenantBudgets('{"acme":{"usdPerDay":-1}}').problems.join()).toContain('acme.usdPerDay')
})

test('a tenant whose name is that of a property of every JavaScript object gets the budget of *', () => {
  const budgets = readTenantBudgets('{"*":{"usdPerDay":5}}').value
  expect(budgetOf(budgets, 'constructor')).toEqual({ usdPerDay: 5 })
  expect(budgetOf({}, 'constructor')).toBeUndefined()
})
