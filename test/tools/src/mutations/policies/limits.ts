import type { Mutation } from '../mutation.ts'

/** Budgets and limits of providers. */
export const LIMITS: readonly Mutation[] = [
  {
    name: 'budget-turns',
    safeguard: 'a run ends when its budget of LLM calls is used up (L7)',
    file: 'libs/domain/src/llm/budget.ts',
    find: 'if (turnsMax !== undefined && spent.turns >= turnsMax) {',
    replace: 'if (turnsMax !== undefined && spent.turns >= Infinity) {',
    caughtBy: /ends a run that is out of turns/,
    because: /kind: 'allow'/,
  },
  {
    name: 'budget-tokens',
    safeguard: 'an answer is cut to the remaining tokens of the budget (L7)',
    file: 'libs/domain/src/llm/budget.ts',
    find: 'outputMax = Math.min(outputMax ?? left, left)',
    replace: 'outputMax = outputMax ?? left',
    caughtBy: /limits the answer to the rest of the budget/,
    because: /outputTokensMax: 300 /,
  },
  {
    name: 'budget-usd',
    safeguard: 'an answer is cut to the remaining money (L7)',
    file: 'libs/domain/src/llm/budget.ts',
    find: 'if (affordable !== Infinity) outputMax = Math.min(outputMax ?? affordable, affordable)',
    replace: 'if (affordable !== Infinity) outputMax = outputMax ?? affordable',
    caughtBy: /limits the answer to the rest of the budget/,
    because: /outputTokensMax: 2475 /,
  },
  {
    name: 'rate-strictest',
    safeguard: 'of two limits of a provider the stricter one holds',
    file: 'libs/domain/src/llm/rate-limit.ts',
    find: '(a === 0 ? b : b === 0 ? a : Math.min(a, b))',
    replace: '(a === 0 ? b : a)',
    caughtBy: /are the stricter of/,
    because: /to deeply equal/,
  },
  {
    name: 'rate-local-share',
    safeguard: 'without the shared buckets a node uses only its share',
    file: 'libs/domain/src/llm/rate-limit.ts',
    find: '(limit * LOCAL_SHARE) / Math.max(1, nodes)',
    replace: 'limit * LOCAL_SHARE',
    caughtBy: /allow a node only its share/,
  },
  {
    name: 'fair-wait',
    safeguard: 'tenants take turns in the wait queue of a provider',
    file: 'services/worker/src/limits/wait-queue.ts',
    find: 'b.level < a.level ? b : a',
    replace: 'b.level < -1 ? b : a',
    caughtBy: /take turns with the backlog of another/,
    because: /b0 q0 b1 q1 b2/,
  },
]
