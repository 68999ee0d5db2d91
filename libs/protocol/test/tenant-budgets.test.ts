import { budgetOf } from '@agentfleet/domain'
import { expect, test } from 'vitest'
import { readTenantBudgets } from '../src/values/tenant-budgets.ts'

test('budgets are read for each tenant, and invalid budgets are listed', () => {
  expect(readTenantBudgets(undefined)).toEqual({ budgets: {}, problems: [] })
  const { budgets, problems } = readTenantBudgets(
    '{"*":{"usdPerDay":5},"acme":{"tokensPerHour":1000}}',
  )
  expect(problems).toEqual([])
  expect(budgetOf(budgets, 'acme')).toEqual({ tokensPerHour: 1_000 })
  expect(budgetOf(budgets, 'beta')).toEqual({ usdPerDay: 5 })
  expect(readTenantBudgets('{"acme":{"usdPerDay":-1}}').problems.join()).toContain('acme.usdPerDay')
})

test('a tenant whose name is that of a property of every JavaScript object gets the budget of *', () => {
  const { budgets } = readTenantBudgets('{"*":{"usdPerDay":5}}')
  expect(budgetOf(budgets, 'constructor')).toEqual({ usdPerDay: 5 })
  expect(budgetOf({}, 'constructor')).toBeUndefined()
})
