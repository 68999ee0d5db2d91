import { DAY_MS, HOUR_MS } from '../durations.ts'
import { costUsd, type ModelPrice } from './price.ts'
import type { Budget } from '../task/values.ts'

/** The usage of a task so far. */
export interface Spent {
  readonly tokens: number
  readonly usd: number
  readonly turns: number
  /** Time since its submission. */
  readonly wallMs: number
}

/** The next call, described before it is made. */
export interface NextCall {
  readonly inputTokens: number
  /** The model and its provider, for messages. */
  readonly model: string
  /** Undefined: the model has no price. */
  readonly price: ModelPrice | undefined
  /** Longest answer that the task asks for. */
  readonly outputTokensMax: number | undefined
}

type BudgetDecision =
  | {
      readonly kind: 'allow'
      readonly reason: 'within'
      /** The call's answer may have at most this many tokens, so that it stays within the budget. */
      readonly outputTokensMax: number | undefined
    }
  | {
      readonly kind: 'exceeded'
      readonly reason: 'tokens' | 'usd' | 'turns' | 'wall-time' | 'no-price'
      readonly message: string
    }

function noPrice(model: string): string {
  return `no price is known for the model ${model}, so the fleet cannot check a budget in USD; add the price to LLM_PRICES or PROVIDERS`
}

/** A shorter answer is useless: the call would be paid for without a result. */
const OUTPUT_TOKENS_MIN = 16

/**
 * Checks a call against the rest of the budget. The answer is cut to that rest, so a task exceeds its budget
 * by at most the error in the estimate of one prompt.
 */
export function checkBudget(budget: Budget, spent: Spent, next: NextCall): BudgetDecision {
  const { tokens: tokensMax, usd: usdMax, turns: turnsMax, wallMs: wallMax } = budget
  if (turnsMax !== undefined && spent.turns >= turnsMax) {
    return exceeded(
      'turns',
      `the task itself has made ${spent.turns} LLM calls; it may make at most ${turnsMax}`,
    )
  }
  if (wallMax !== undefined && spent.wallMs >= wallMax) {
    return exceeded(
      'wall-time',
      `the task has taken ${Math.round(spent.wallMs)} of ${wallMax} allowed ms`,
    )
  }
  let outputMax = next.outputTokensMax
  if (tokensMax !== undefined) {
    const left = tokensMax - spent.tokens - next.inputTokens
    const used = `the task itself has used ${spent.tokens} tokens; it may use at most ${tokensMax}`
    if (left < OUTPUT_TOKENS_MIN) {
      return exceeded('tokens', `${used}, and the next prompt takes about ${next.inputTokens}`)
    }
    outputMax = Math.min(outputMax ?? left, left)
  }
  if (usdMax !== undefined) {
    if (next.price === undefined) return exceeded('no-price', noPrice(next.model))
    const prompt = { inputTokens: next.inputTokens, outputTokens: 0 }
    const promptUsd = costUsd(next.price, prompt) ?? 0
    const left = usdMax - spent.usd - promptUsd
    const { outputUsdPerMillion } = next.price
    const affordable =
      outputUsdPerMillion === 0 ? Infinity : Math.floor((left * 1e6) / outputUsdPerMillion)
    if (left < 0 || affordable < OUTPUT_TOKENS_MIN) {
      const leastUsd = promptUsd + (OUTPUT_TOKENS_MIN * outputUsdPerMillion) / 1e6
      return exceeded(
        'usd',
        `the task itself has spent ${shownUsd(spent.usd)} USD; it may spend at most ${shownUsd(usdMax)}, and its next call needs at least ${shownUsd(leastUsd)}`,
      )
    }
    if (affordable !== Infinity) outputMax = Math.min(outputMax ?? affordable, affordable)
  }
  return { kind: 'allow', reason: 'within', outputTokensMax: outputMax }
}

/** Small amounts without the zeros behind them, and never as 1e-7. */
function shownUsd(usd: number): string {
  return usd.toFixed(9).replace(/\.?0{1,20}$/, '')
}

function exceeded(
  reason: Extract<BudgetDecision, { kind: 'exceeded' }>['reason'],
  message: string,
): BudgetDecision {
  return { kind: 'exceeded', reason, message }
}

/** The limits of a tenant within an hour and within a day (UTC); an absent one does not limit. */
export interface TenantBudget {
  readonly tokensPerHour?: number
  readonly usdPerHour?: number
  readonly tokensPerDay?: number
  readonly usdPerDay?: number
}

/** Budgets by tenant; `*` applies to all tenants that are not named. */
export type TenantBudgets = Readonly<Record<string, TenantBudget>>

/** The budget of a tenant; undefined if it has none. */
export function budgetOf(budgets: TenantBudgets, tenant: string): TenantBudget | undefined {
  // A tenant may have the name of a property that every object has, such as `constructor`.
  return Object.hasOwn(budgets, tenant) ? budgets[tenant] : budgets['*']
}

/** One of the limits of a tenant's budget. */
export type TenantLimitName = 'tokens-per-day' | 'usd-per-day' | 'tokens-per-hour' | 'usd-per-hour'

/** A limit that the next call of a tenant would exceed. */
export interface TenantLimitMet {
  readonly limit: TenantLimitName
  /** Tokens or USD that the log counts. */
  readonly used: number
  /** The most that the next call may use, in the same unit. */
  readonly next: number
}

/** When the count of a limit starts again: with the next hour or day of UTC. */
export function tenantLimitEndMs(limit: TenantLimitName, nowMs: number): number {
  const spanMs = limit.endsWith('hour') ? HOUR_MS : DAY_MS
  return (Math.floor(nowMs / spanMs) + 1) * spanMs
}

/** The error for a tenant whose budget is used up: the amounts, and when the count starts again. */
export function tenantLimitMessage(
  tenant: string,
  budget: TenantBudget,
  { limit, used, next }: TenantLimitMet,
  startsAgainAt: string,
): string {
  const most = {
    'tokens-per-day': budget.tokensPerDay,
    'usd-per-day': budget.usdPerDay,
    'tokens-per-hour': budget.tokensPerHour,
    'usd-per-hour': budget.usdPerHour,
  }[limit]
  const unit = limit.startsWith('usd') ? 'USD' : 'tokens'
  const shown = (amount: number) =>
    unit === 'USD' ? Number(amount.toFixed(6)) : Math.round(amount)
  return (
    `tenant ${tenant} has used ${shown(used)} of ${most ?? 0} ${unit} (${limit}), ` +
    `and the next call may use up to ${shown(next)}. Send the task again at ${startsAgainAt}, when the ` +
    `count starts again, give the task a lower maxOutputTokens, or raise TENANT_BUDGETS`
  )
}

/** The error for a tenant with a budget in USD and a model without a price. */
export function tenantNoPriceMessage(tenant: string, model: string): string {
  return `tenant ${tenant} has a budget in USD: ${noPrice(model)}`
}
