import type { Store, UsageTotals } from '@agentfleet/adapters'
import { addUsage, given, NO_USAGE, unpricedCallsOf } from '@agentfleet/domain'
import type { FleetView } from '@agentfleet/protocol'
import { patient } from '../tasks/reads.ts'

/** Returns the figures of a tenant's own tasks for its fleet view; omits an unknown figure. */
export type OwnFigures = (
  tenant: string,
) => Promise<Partial<Spent> & Pick<FleetView, 'oldestWaitingMs'>>

type Spent = Pick<FleetView, 'costTodayUsd' | 'llmCallsToday' | 'unpricedCallsToday'>

/** Creates the figures from this store and these usage totals. */
export function createOwnFigures(deps: {
  readonly store: Pick<Store, 'oldestQueued'>
  readonly usage: Pick<UsageTotals, 'read'>
  readonly nowMs: () => number
}): OwnFigures {
  const { store, usage, nowMs } = deps
  return async (tenant) => {
    const today = new Date(nowMs()).toISOString().slice(0, 10)
    const oldestMs = store
      .oldestQueued(tenant)
      .then((task) => (task === undefined ? 0 : Math.max(0, nowMs() - task.updatedAtMs)))
    const [oldestWaitingMs, days] = await Promise.all([
      patient(oldestMs),
      patient(usage.read(tenant, [today])),
    ])
    return { ...given({ oldestWaitingMs }), ...(days && spentOn(days)) }
  }
}

function spentOn(days: Awaited<ReturnType<UsageTotals['read']>>): Spent {
  const models = days.flatMap((day) => day.models)
  const total = models.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE)
  const { llmCalls, costUsd } = total
  // Without a call nothing is spent; calls without a price may have cost anything.
  const costTodayUsd = llmCalls === 0 ? 0 : costUsd
  const unpricedCallsToday = unpricedCallsOf(total)
  return { llmCallsToday: llmCalls, unpricedCallsToday, ...given({ costTodayUsd }) }
}
