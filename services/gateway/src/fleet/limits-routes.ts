import type { UsageTotals } from '@agentfleet/adapters'
import {
  budgetOf,
  given,
  limitOf,
  tenantLimitEndMs,
  type TenantBudget,
  type TenantBudgets,
  type TenantLimitName,
  type TenantLimits,
} from '@agentfleet/domain'
import type { TenantLimitsView } from '@agentfleet/protocol'
import type { FastifyRequest } from 'fastify'
import { patient } from '../tasks/reads.ts'
import { isoTime } from '../tasks/views.ts'
import { DEFAULT_LIMITS } from '../tenants/default-limits.ts'
import type { TenantRoom } from '../tenants/room.ts'
import type { Fleet } from './fleet.ts'
import type { OwnHoldings } from './own-holdings.ts'

interface LimitsRouteDeps {
  readonly room: Pick<TenantRoom, 'standing'>
  readonly holdings: OwnHoldings
  readonly fleet: Pick<Fleet, 'providers'>
  readonly limits: TenantLimits
  readonly budgets: TenantBudgets
  readonly usage: Pick<UsageTotals, 'read' | 'setAside'>
  readonly operators: ReadonlySet<string>
  readonly clock: { nowMs(): number }
}

const NOTHING = { tokens: 0, costUsd: 0, unpricedCalls: 0 }

/** Creates the handler of `/v1/limits` by operationId. */
export function limitsRoutes(deps: LimitsRouteDeps) {
  const { room, holdings, fleet, limits, budgets, usage, operators, clock } = deps

  async function spentBy(tenant: string, nowMs: number): Promise<TenantLimitsView['spent']> {
    const iso = isoTime(nowMs)
    const days = await patient(usage.read(tenant, [iso.slice(0, 10)]))
    if (days === undefined) return undefined
    const hours = days.flatMap((day) => day.hours)
    const thisHour = hours.filter(({ hour }) => hour === Number(iso.slice(11, 13)))
    return { hour: thisHour.reduce(plus, NOTHING), day: hours.reduce(plus, NOTHING) }
  }

  return {
    async getLimits({ tenant, principal }: FastifyRequest): Promise<TenantLimitsView> {
      const nowMs = clock.nowMs()
      const standing = room.standing(tenant)
      const budget = budgetOf(budgets, tenant)
      const [holds, spent, setAside] = await Promise.all([
        holdings(tenant),
        spentBy(tenant, nowMs),
        budget === undefined ? undefined : patient(usage.setAside(tenant)),
      ])
      return {
        tenant,
        at: isoTime(nowMs),
        limits: { ...DEFAULT_LIMITS, ...limitOf(limits, tenant) },
        holds,
        ...given({ spent }),
        ...(budget === undefined ? {} : { budget: standOf(budget, spent, setAside, nowMs) }),
        ...(principal?.scopes.includes('fleet:read') ? { providers: fleet.providers() } : {}),
        ...(standing === undefined || !operators.has(tenant) ? {} : { stores: standing.stores }),
      }
    },
  }
}

type Amounts = NonNullable<TenantLimitsView['spent']>['day']

function plus(sum: typeof NOTHING, more: typeof NOTHING): typeof NOTHING {
  return {
    tokens: sum.tokens + more.tokens,
    costUsd: sum.costUsd + more.costUsd,
    unpricedCalls: sum.unpricedCalls + more.unpricedCalls,
  }
}

/** How much of each limit of a budget is used and set aside, as far as Redis answers. */
function standOf(
  budget: TenantBudget,
  spent: TenantLimitsView['spent'],
  setAside: Pick<Amounts, 'tokens' | 'costUsd'> | undefined,
  nowMs: number,
): NonNullable<TenantLimitsView['budget']> {
  const stand = (limit: number | undefined, name: TenantLimitName) => {
    if (limit === undefined) return undefined
    const amount = name.startsWith('usd') ? 'costUsd' : 'tokens'
    const used = spent?.[name.endsWith('hour') ? 'hour' : 'day'][amount]
    const known = given({ used, setAside: setAside?.[amount] })
    return { limit, ...known, resetsAt: isoTime(tenantLimitEndMs(name, nowMs)) }
  }
  return given({
    tokensPerHour: stand(budget.tokensPerHour, 'tokens-per-hour'),
    usdPerHour: stand(budget.usdPerHour, 'usd-per-hour'),
    tokensPerDay: stand(budget.tokensPerDay, 'tokens-per-day'),
    usdPerDay: stand(budget.usdPerDay, 'usd-per-day'),
  })
}
