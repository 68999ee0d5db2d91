import type { Store, UsageTotals } from '@agentfleet/adapters'
import type { FleetView } from '@agentfleet/protocol'
import { patient } from '../tasks/reads.ts'

/** Returns the figures of a tenant's own tasks for its fleet view; omits an unknown figure. */
export type OwnFigures = (
  tenant: string,
) => Promise<Pick<FleetView, 'oldestWaitingMs' | 'costTodayUsd'>>

/** Creates the figures from this store and these usage totals. */
export function createOwnFigures(deps: {
  readonly store: Pick<Store, 'oldestQueued'>
  readonly usage: Pick<UsageTotals, 'read'>
  readonly nowMs: () => number
}): OwnFigures {
  const { store, usage, nowMs } = deps
  return async (tenant) => {
    const today = new Date(nowMs()).toISOString().slice(0, 10)
    const [oldest, days] = await Promise.all([
      patient(store.oldestQueued(tenant).then((task) => ({ sinceMs: task?.updatedAtMs }))),
      patient(usage.read(tenant, [today])),
    ])
    return {
      ...(oldest && { oldestWaitingMs: ageMs(oldest.sinceMs, nowMs()) }),
      ...(days && { costTodayUsd: costOf(days) }),
    }
  }
}

function ageMs(sinceMs: number | undefined, nowMs: number): number {
  return sinceMs === undefined ? 0 : Math.max(0, nowMs - sinceMs)
}

function costOf(days: Awaited<ReturnType<UsageTotals['read']>>): number {
  const models = days.flatMap((day) => day.models)
  return models.reduce((sum, { usage }) => sum + (usage.costUsd ?? 0), 0)
}
