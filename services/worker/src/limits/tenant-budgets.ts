import type { ProviderLimits } from '@agentfleet/adapters'
import type { TenantBudgets } from '../llm/provider-config.ts'

/**
 * Budgets of tenants, kept over the whole fleet: a call sets aside what it may come to, and its real
 * usage stands in its place until the totals made of the log have it.
 */
export interface TenantBudgetKeeper {
  /** Sets a call's part aside. */
  reserve(tenant: string, call: BudgetedCall): Promise<BudgetEntry>
  /** The call has come to this; undefined: it was not made. */
  settle(tenant: string, id: string, used: { tokens: number; usd: number } | undefined): void
}

/** A call as far as it is known before it is made. */
export interface BudgetedCall {
  readonly id: string
  readonly tokens: number
  readonly usd: number | undefined
  /** After this it is over in any case. */
  readonly lifetimeMs: number
}

/** Whether the call may be made. */
export type BudgetEntry =
  | { readonly kind: 'allow' }
  | { readonly kind: 'exceeded'; readonly message: string }
  /** Nobody knows what the tenant has used: ask again later, rather than go on without a limit. */
  | { readonly kind: 'unknown'; readonly retryAfterMs: number }

/** The totals follow the log within half a second; this is for a busy coordinator, milliseconds. */
const UNTIL_COUNTED_MS = 3_000
const UNKNOWN_RETRY_MS = 15_000
const ALLOW: BudgetEntry = { kind: 'allow' }

/** Keeps these budgets. */
export function createTenantBudgets(deps: {
  readonly budgets: TenantBudgets
  readonly shared: Pick<ProviderLimits, 'reserveBudget'> | undefined
  readonly nowMs: () => number
}): TenantBudgetKeeper {
  const { budgets, shared, nowMs } = deps
  const budgetOf = (tenant: string) => budgets[tenant] ?? budgets['*']
  return {
    async reserve(tenant, { id, tokens, usd, lifetimeMs }) {
      const budget = budgetOf(tenant)
      if (budget === undefined) return ALLOW
      const inUsd = budget.usdPerDay !== undefined || budget.usdPerHour !== undefined
      if (inUsd && usd === undefined) {
        const message = `tenant ${tenant} has a budget in USD, and the model has no price`
        return { kind: 'exceeded', message }
      }
      try {
        const ask = { budget, id, tokens, usd: usd ?? 0, lifetimeMs, nowMs: nowMs() }
        const limit = await shared?.reserveBudget(tenant, ask)
        if (limit === undefined) return ALLOW
        return { kind: 'exceeded', message: `tenant ${tenant} has used up its ${limit}` }
      } catch {
        return { kind: 'unknown', retryAfterMs: UNKNOWN_RETRY_MS }
      }
    },
    settle(tenant, id, used) {
      const budget = budgetOf(tenant)
      if (budget === undefined || shared === undefined) return
      const lifetimeMs = used === undefined ? 0 : UNTIL_COUNTED_MS
      const { tokens = 0, usd = 0 } = used ?? {}
      // A lost word leaves the reservation until its own end: less is allowed, never more.
      void shared
        .reserveBudget(tenant, { budget, id, tokens, usd, lifetimeMs, nowMs: nowMs() })
        .catch(() => undefined)
    },
  }
}
