import { costUsd, type ModelPrice } from './price.ts'
import type { Budget } from '../task/values.ts'

/** What a task has used so far. */
export interface Spent {
  readonly tokens: number
  readonly usd: number
  readonly turns: number
  /** Time since its submission. */
  readonly wallMs: number
}

/** The next call as far as it is known before it is made. */
export interface NextCall {
  readonly inputTokens: number
  /** Undefined: nobody set a price. */
  readonly price: ModelPrice | undefined
  /** What the task asks for at most. */
  readonly outputTokensMax: number | undefined
}

/** Whether a call may be made. */
export type BudgetDecision =
  | {
      readonly kind: 'allow'
      readonly reason: 'within'
      /** The call may answer with no more than this, so that it stays within. */
      readonly outputTokensMax: number | undefined
    }
  | {
      readonly kind: 'exceeded'
      readonly reason: 'tokens' | 'usd' | 'turns' | 'wall-time' | 'no-price'
      readonly message: string
    }

/** An answer shorter than this is none: the call would be paid for nothing. */
const OUTPUT_TOKENS_MIN = 16

/**
 * Checks a call against what is left. The answer is cut to what is left, so a task goes over its budget
 * by no more than the error in the estimate of one prompt.
 */
export function checkBudget(budget: Budget, spent: Spent, next: NextCall): BudgetDecision {
  const { tokens: tokensMax, usd: usdMax, turns: turnsMax, wallMs: wallMax } = budget
  if (turnsMax !== undefined && spent.turns >= turnsMax) {
    return exceeded('turns', `${spent.turns} of ${turnsMax} LLM calls are made`)
  }
  if (wallMax !== undefined && spent.wallMs >= wallMax) {
    return exceeded('wall-time', `${Math.round(spent.wallMs)} of ${wallMax} ms are over`)
  }
  let outputMax = next.outputTokensMax
  if (tokensMax !== undefined) {
    const left = tokensMax - spent.tokens - next.inputTokens
    const used = `${spent.tokens} of ${tokensMax} tokens are used`
    if (left < OUTPUT_TOKENS_MIN) {
      return exceeded('tokens', `${used}, and the next prompt takes about ${next.inputTokens}`)
    }
    outputMax = Math.min(outputMax ?? left, left)
  }
  if (usdMax !== undefined) {
    if (next.price === undefined) {
      return exceeded('no-price', 'the model has no price, so no budget in USD can be kept')
    }
    const prompt = { inputTokens: next.inputTokens, outputTokens: 0 }
    const left = usdMax - spent.usd - (costUsd(next.price, prompt) ?? 0)
    const { outputUsdPerMillion } = next.price
    const affordable =
      outputUsdPerMillion === 0 ? Infinity : Math.floor((left * 1e6) / outputUsdPerMillion)
    if (left < 0 || affordable < OUTPUT_TOKENS_MIN) {
      return exceeded('usd', `${spent.usd.toFixed(6)} of ${usdMax} USD are spent`)
    }
    if (affordable !== Infinity) outputMax = Math.min(outputMax ?? affordable, affordable)
  }
  return { kind: 'allow', reason: 'within', outputTokensMax: outputMax }
}

function exceeded(
  reason: Extract<BudgetDecision, { kind: 'exceeded' }>['reason'],
  message: string,
): BudgetDecision {
  return { kind: 'exceeded', reason, message }
}

/** What a tenant may use within an hour and within a day (UTC); whatever is absent is not limited. */
export interface TenantBudget {
  readonly tokensPerHour?: number
  readonly usdPerHour?: number
  readonly tokensPerDay?: number
  readonly usdPerDay?: number
}
