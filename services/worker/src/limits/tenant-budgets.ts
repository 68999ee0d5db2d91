import type { ProviderLimits } from '@agentfleet/adapters'
import {
  budgetOf,
  tenantLimitEndMs,
  tenantLimitMessage,
  tenantNoPriceMessage,
  type TenantBudgets,
} from '@agentfleet/domain'

/**
 * The budgets of tenants for the whole fleet. A call reserves what it may cost; its real usage
 * replaces the reservation until the usage totals of the log include it.
 */
export type TenantBudgetKeeper = ReturnType<typeof createTenantBudgets>

/** The figures of a call that are known before it is made. */
interface BudgetedCall {
  readonly id: string
  readonly tokens: number
  readonly usd: number | undefined
  /** The model and its provider, for messages. */
  readonly model: string
  /** Milliseconds after which the call is over in any case. */
  readonly lifetimeMs: number
}

/** Whether the call may be made. */
type BudgetEntry =
  | { readonly kind: 'allow' }
  | { readonly kind: 'budget' | 'no-price'; readonly message: string }
  /** Whether there is room is not known yet, so the call must ask again later. */
  | { readonly kind: 'unknown'; readonly retryAfterMs: number }

/** Milliseconds. The totals usually follow the log within half a second, but a busy coordinator needs longer. */
const UNTIL_COUNTED_MS = 3_000
const UNKNOWN_RETRY_MS = 15_000
/** Milliseconds: calls that have just ended are counted by then. */
const HELD_RETRY_MS = UNTIL_COUNTED_MS
const ALLOW: BudgetEntry = { kind: 'allow' }

/** Creates the keeper of these budgets. */
export function createTenantBudgets(deps: {
  readonly budgets: TenantBudgets
  readonly shared: Pick<ProviderLimits, 'reserveBudget'> | undefined
}) {
  const { budgets, shared } = deps
  return {
    /** Reserves the cost of a call. */
    async reserve(tenant: string, call: BudgetedCall): Promise<BudgetEntry> {
      const { id, tokens, usd, model, lifetimeMs } = call
      const budget = budgetOf(budgets, tenant)
      if (budget === undefined) return ALLOW
      const inUsd = budget.usdPerDay !== undefined || budget.usdPerHour !== undefined
      if (inUsd && usd === undefined) {
        return { kind: 'no-price', message: tenantNoPriceMessage(tenant, model) }
      }
      try {
        const ask = { budget, id, tokens, usd: usd ?? 0, lifetimeMs }
        const answer = await shared?.reserveBudget(tenant, ask)
        if (answer === undefined || answer.kind === 'reserved') return ALLOW
        if (answer.kind === 'held') return { kind: 'unknown', retryAfterMs: HELD_RETRY_MS }
        const { met, atMs } = answer
        const againAt = new Date(tenantLimitEndMs(met.limit, atMs)).toISOString()
        const message = tenantLimitMessage(tenant, budget, met, againAt)
        return { kind: 'budget', message }
      } catch {
        return { kind: 'unknown', retryAfterMs: UNKNOWN_RETRY_MS }
      }
    },
    /** Settles a call; `used` is undefined if it was not made. */
    settle(tenant: string, id: string, used?: { tokens: number; usd: number }): void {
      const budget = budgetOf(budgets, tenant)
      if (budget === undefined || shared === undefined) return
      const lifetimeMs = used === undefined ? 0 : UNTIL_COUNTED_MS
      const { tokens = 0, usd = 0 } = used ?? {}
      // A lost settlement leaves the reservation until it expires: that allows less, never more.
      void shared
        .reserveBudget(tenant, { budget, id, tokens, usd, lifetimeMs })
        .catch(() => undefined)
    },
  }
}
