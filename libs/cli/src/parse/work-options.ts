import { given, LEVELS, SPEC_LIMITS } from '@agentfleet/domain'
import { takes, type Input, type Options } from '../command.ts'
import { amountOf, choiceOf, durationOf, jsonOf, pairsOf, textOf, wholeOf } from './values.ts'

const APPROVERS = ['any', 'other-keys'] as const

/** The options with which a task and a goal are submitted alike. */
export function workOptions(work: 'task' | 'goal'): Options {
  return {
    priority: takes('LEVEL', `priority of the ${work}`, { short: 'p', choices: LEVELS }),
    context: takes('JSON', `give JSON to the agent together with the ${work}`),
    metadata: takes('NAME=VALUE', `give the ${work} the metadata NAME=VALUE`, { multiple: true }),
    approvers: takes('WHO', `other-keys: the key that submits the ${work} may not approve it`, {
      choices: APPROVERS,
    }),
    timeout: takes('DURATION', `the ${work} fails if it has not ended after DURATION`),
    attempts: takes('N', `the ${work} fails after N failed attempts`),
    'budget-usd': takes('USD', `the ${work} may cost at most USD (in US dollars)`),
    'budget-tokens': takes('N', `the ${work} may use at most N input and output tokens`),
    'idempotency-key': takes(
      'KEY',
      `a repeated submission with the key KEY submits no second ${work}`,
    ),
  }
}

/** The fields of these options; only the idempotency key has several places. */
export function workOf(input: Input) {
  const context = textOf(input, 'context')
  const budget = given({
    usd: amountOf(input, 'budget-usd', { min: 0.000_001, max: SPEC_LIMITS.budgetUsdMax }),
    tokens: wholeOf(input, 'budget-tokens', { min: 1, max: SPEC_LIMITS.budgetTokensMax }),
  })
  return given({
    priority: choiceOf(input, 'priority', LEVELS),
    context: context === undefined ? undefined : jsonOf(context, '--context'),
    metadata: pairsOf(input, 'metadata'),
    approvers: choiceOf(input, 'approvers', APPROVERS),
    timeoutMs: durationOf(input, 'timeout'),
    maxAttempts: wholeOf(input, 'attempts', { min: 1, max: SPEC_LIMITS.maxAttemptsMax }),
    budget: Object.keys(budget).length === 0 ? undefined : budget,
  })
}
