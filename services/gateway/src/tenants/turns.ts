import pLimit, { type LimitFunction } from 'p-limit'
import { Refusal } from '../http/problems.ts'

/**
 * Operations that read many records or a large part of the log, or that change many tasks: each may take the gateway
 * and its servers a tenth of a second and megabytes of memory.
 */
export const LARGE_OPERATIONS: ReadonlySet<string> = new Set([
  'cancelTasks',
  'countTasks',
  'getGoal',
  'getTaskCall',
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
export function createTenantTurns(atOnce = AT_ONCE, waitingMax = WAITING_MAX): TenantTurns {
  const tenants = new Map<string, LimitFunction>()
  return async (tenant, work) => {
    const turns = tenants.get(tenant) ?? pLimit(atOnce)
    if (turns.pendingCount >= waitingMax) {
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

/** Reads of tasks of a tenant at the same time: enough for thousands of small tasks in a second. */
const READS_AT_ONCE = 16
/** Reads at the same time; each may take 8 MB with the copies of its texts, so together a third of the memory of a gateway. */
const ALL_READS_AT_ONCE = 32

/**
 * Creates the turns of reads of tasks. Invariant (L7): of one tenant at most READS_AT_ONCE run at the same time, and
 * ALL_READS_AT_ONCE of all tenants. None is refused, because the request that reads holds a place already.
 */
export function createReadTurns(): TenantTurns {
  const tenantTurns = createTenantTurns(READS_AT_ONCE, Infinity)
  const all = pLimit(ALL_READS_AT_ONCE)
  return (tenant, work) => tenantTurns(tenant, () => all(work))
}
