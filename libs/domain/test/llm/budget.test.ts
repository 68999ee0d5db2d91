import { double, integer, property, assert as check } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addUsage,
  lessUsage,
  unpricedCallsOf,
  checkBudget,
  costUsd,
  entryFor,
  matchesPattern,
  NO_USAGE,
  tenantLimitEndMs,
  tenantLimitMessage,
  type Budget,
  type NextCall,
  type Spent,
} from '../../src/index.ts'

const price = { inputUsdPerMillion: 1, outputUsdPerMillion: 4 }
const model = 'm of the provider p'
const next: NextCall = { inputTokens: 100, model, price, outputTokensMax: undefined }
const spent: Spent = { tokens: 1_000, usd: 0.01, turns: 2, wallMs: 5_000 }

describe('the budget of a task', () => {
  it.each<[string, Budget, string]>([
    ['tokens', { tokens: 1_100 }, 'tokens'],
    ['dollars', { usd: 0.0101 }, 'usd'],
    ['turns', { turns: 2 }, 'turns'],
    ['time', { wallMs: 5_000 }, 'wall-time'],
  ])('ends a run that is out of %s', (_what, budget, reason) => {
    expect(checkBudget(budget, spent, next)).toMatchObject({ kind: 'exceeded', reason })
  })

  it('says what the task has spent and what its next call needs, without zeros behind the amounts', () => {
    const broke = { ...spent, usd: 0 }
    expect(checkBudget({ usd: 0.000_001 }, broke, next)).toMatchObject({
      message: expect.stringMatching(
        /^the task itself has spent 0 USD; it may spend at most 0\.000001, and its next call needs at least 0\.\d*[1-9]$/,
      ),
    })
  })

  it('lets a call through that fits, and limits the answer to the rest of the budget', () => {
    expect(checkBudget({}, spent, next)).toMatchObject({ outputTokensMax: undefined })
    expect(checkBudget({ tokens: 1_400 }, spent, next)).toMatchObject({ outputTokensMax: 300 })
    // 0.0099 USD remain after the prompt, at 4 USD a million.
    expect(checkBudget({ usd: 0.02 }, spent, next)).toMatchObject({ outputTokensMax: 2_475 })
    const asked = { ...next, outputTokensMax: 50 }
    expect(checkBudget({ tokens: 1_400 }, spent, asked)).toMatchObject({ outputTokensMax: 50 })
    const greedy = { ...next, outputTokensMax: 9_000 }
    expect(checkBudget({ tokens: 1_400 }, spent, greedy)).toMatchObject({ outputTokensMax: 300 })
    expect(checkBudget({ usd: 0.02 }, spent, greedy)).toMatchObject({ outputTokensMax: 2_475 })
  })

  it('in USD needs a price of the model, and the error says so', () => {
    const free = { ...next, price: undefined }
    expect(checkBudget({ usd: 1 }, spent, free)).toMatchObject({
      reason: 'no-price',
      message: expect.stringContaining('the model m of the provider p,') as string,
    })
  })

  it('gives an error that says what a tenant has used, what the next call may use, and what to do', () => {
    const nowMs = Date.parse('2026-11-28T10:30:00Z')
    const budget = { usdPerDay: 0.6, tokensPerHour: 2_000 }
    const day = { limit: 'usd-per-day', used: 0.5, next: 0.25 } as const
    expect(tenantLimitMessage('acme', budget, day, 'T')).toMatch(
      /0\.5 of 0\.6 USD \(usd-per-day\).* up to 0\.25\. .* at T, .* maxOutputTokens, or raise TENANT_BUDGETS$/,
    )
    expect(tenantLimitEndMs(day.limit, nowMs)).toBe(Date.parse('2026-11-29T00:00:00Z'))
    const hour = { limit: 'tokens-per-hour', used: 1_900, next: 200 } as const
    expect(tenantLimitMessage('acme', budget, hour, 'T')).toContain('1900 of 2000 tokens')
    expect(tenantLimitEndMs(hour.limit, nowMs)).toBe(Date.parse('2026-11-28T11:00:00Z'))
  })

  it('is never exceeded by a call that stays within its allowance', () => {
    check(
      property(
        integer({ min: 0, max: 100_000 }),
        integer({ min: 0, max: 100_000 }),
        double({ min: 0, max: 1, noNaN: true }),
        (tokens, used, usd) => {
          const so = { ...spent, tokens: used, usd: 0 }
          const decision = checkBudget({ tokens, usd }, so, next)
          if (decision.kind === 'exceeded') return
          const { outputTokensMax = Infinity } = decision
          expect(used + next.inputTokens + outputTokensMax).toBeLessThanOrEqual(tokens)
          const cost = costUsd(price, { inputTokens: 100, outputTokens: outputTokensMax }) ?? 0
          expect(cost).toBeLessThanOrEqual(usd + 1e-9)
        },
      ),
    )
  })
})

describe('the prices of models', () => {
  it('give the cost of tokens, and no cost for a model without a price', () => {
    expect(costUsd(price, { inputTokens: 1_000, outputTokens: 500 })).toBe(0.003)
    expect(costUsd(undefined, { inputTokens: 1, outputTokens: 1 })).toBeUndefined()
  })

  it.each([
    ['gpt-4o', 'gpt-4o', true],
    ['gpt-*', 'gpt-4o', true],
    ['*-mini', 'gpt-4o-mini', true],
    ['g*o*mini', 'gpt-4o-mini', true],
    ['gpt-4', 'gpt-4o', false],
    ['a*a', 'a', false],
    ['*', 'anything', true],
  ])('the price pattern %s applies to the model %s: %s', (pattern, name, fits) => {
    expect(matchesPattern(pattern, name)).toBe(fits)
  })

  it('come from the entry with the name of the model, or otherwise from the longest pattern that matches the name', () => {
    const table = { '*': 1, 'gpt-*': 2, 'gpt-4o': 3 }
    expect(['gpt-4o', 'gpt-5', 'other'].map((name) => entryFor(table, name))).toEqual([3, 2, 1])
  })

  it('add up without the rounding errors of floating point', () => {
    const tenth = { ...NO_USAGE, costUsd: 0.1 }
    expect(addUsage(addUsage(tenth, tenth), tenth).costUsd).toBe(0.3)
    expect(addUsage(NO_USAGE, NO_USAGE)).toEqual(NO_USAGE)
  })

  it('count the calls that a sum does not include because their model has no price', () => {
    const call = { inputTokens: 1, outputTokens: 1, llmCalls: 1 }
    const [paid, free] = [
      { ...call, costUsd: 0.5 },
      { ...call, costUsd: 0 },
    ]
    const sum = addUsage(addUsage(addUsage(NO_USAGE, call), paid), free)
    expect(sum).toMatchObject({ llmCalls: 3, costUsd: 0.5, unpricedCalls: 1 })
    expect(addUsage(sum, call)).toMatchObject({ costUsd: 0.5, unpricedCalls: 2 })
    expect(lessUsage(addUsage(sum, call), sum)).toEqual(call)
    expect(lessUsage(sum, call)).toEqual({ ...addUsage(paid, free) })
    expect(lessUsage(sum, addUsage(paid, free))).toEqual(call)
    expect(addUsage(call, call)).toEqual({ inputTokens: 2, outputTokens: 2, llmCalls: 2 })
    expect([call, paid, sum].map(unpricedCallsOf)).toEqual([1, 0, 1])
  })
})
