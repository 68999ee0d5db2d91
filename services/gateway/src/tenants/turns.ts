import pLimit, { type LimitFunction } from 'p-limit'
import { Refusal } from '../http/problems.ts'

/**
 * Operations that read many records or a large part of the log, or that change many tasks: each may take the gateway
 * and its servers a tenth of a second and megabytes of memory.
 */
export const LARGE_OPERATIONS: ReadonlySet<string> = new Set([
  'cancelTasks',
  'countTasks',
  'getTaskEvents',
  'getUsage',
  'listAudit',
  'listGoals',
  'listScheduleTicks',
  'listTasks',
  'replayTasks',
])

/** Large operations of a tenant at the same time: the second hides the round trips of the first. */
const AT_ONCE = 2
/** Requests of a tenant that wait for their turn; each holds a connection open. */
const WAITING_MAX = 1_000

/** Runs the work when it is the tenant's turn; rejects with a Refusal if too many requests of the tenant wait. */
export type TenantTurns = <T>(tenant: string, work: () => Promise<T>) => Promise<T>

/**
 * Creates turns for each tenant. Invariant (L7): of one tenant at most `atOnce` run at the same time, so a
 * thousand requests of a tenant slow down another tenant no more than `atOnce` of them.
 */
export function createTenantTurns(atOnce = AT_ONCE): TenantTurns {
  const tenants = new Map<string, LimitFunction>()
  return async (tenant, work) => {
    const turns = tenants.get(tenant) ?? pLimit(atOnce)
    if (turns.pendingCount >= WAITING_MAX) {
      throw new Refusal(
        'too-many-requests-open',
        `You have ${turns.pendingCount} requests open that each take the gateway much time. Send fewer of them at a time.`,
      )
    }
    tenants.set(tenant, turns)
    try {
      return await turns(work)
    } finally {
      if (turns.activeCount + turns.pendingCount === 0) tenants.delete(tenant)
    }
  }
}
