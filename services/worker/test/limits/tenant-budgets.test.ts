import type { BudgetReserved } from '@agentfleet/adapters'
import { expect, test } from 'vitest'
import { createTenantBudgets } from '../../src/limits/tenant-budgets.ts'

const call = { id: 'a', tokens: 100, usd: undefined, model: 'm of the provider p', lifetimeMs: 1 }
const atMs = Date.parse('2026-11-28T10:30:00Z')

function keeper(answer: BudgetReserved, budget: { tokensPerDay: number } | { usdPerDay: number }) {
  return createTenantBudgets({
    budgets: { acme: budget },
    shared: { reserveBudget: () => Promise.resolve(answer) },
  })
}

test("a call waits while other calls of its tenant have reserved the rest of the tenant's budget", async () => {
  const { reserve } = keeper({ kind: 'held' }, { tokensPerDay: 300 })
  expect(await reserve('acme', call)).toEqual({ kind: 'unknown', retryAfterMs: 3_000 })
})

test("a call that is too large for the rest of its tenant's budget fails, and the error contains the amounts", async () => {
  const met = { limit: 'tokens-per-day', used: 250, next: 100 } as const
  const { reserve } = keeper({ kind: 'exceeded', met, atMs }, { tokensPerDay: 300 })
  expect(await reserve('acme', call)).toEqual({
    kind: 'budget',
    message:
      'tenant acme has used 250 of 300 tokens (tokens-per-day), and the next call may use up to 100. ' +
      'Send the task again at 2026-11-29T00:00:00.000Z, when the count starts again, ' +
      'give the task a lower maxOutputTokens, or raise TENANT_BUDGETS',
  })
})

test('a call of a tenant with a budget in USD fails if its model has no price, and the message names the model', async () => {
  const { reserve } = keeper({ kind: 'reserved' }, { usdPerDay: 1 })
  expect(await reserve('acme', call)).toMatchObject({
    kind: 'no-price',
    message: expect.stringContaining('the model m of the provider p,') as string,
  })
})
