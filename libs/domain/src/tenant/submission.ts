import type { TenantLimit } from './limits.ts'
import { decideShare, type ShareAsk } from './share.ts'

/** Bytes in a store; 0 as `maxBytes`: it has no known size. */
export interface StoreFill {
  readonly bytes: number
  readonly maxBytes: number
}

/** What one tenant holds, or what all tenants together hold. */
export interface Held {
  /** Tasks that have not ended. */
  readonly tasks: number
  /** Tasks that have ended and have not expired. */
  readonly ended: number
  /** Bytes of the events of all these tasks. */
  readonly bytes: number
}

/** The stores that a submission fills, with everything that is under way. */
interface SubmissionStores {
  readonly log: StoreFill
  readonly redis: StoreFill
  /** Of all tenants. */
  readonly held: Omit<Held, 'bytes'>
  /** Tenants that the fleet serves. */
  readonly tenants: number
}

/** A store in which a tenant may be over its share. */
export type SharedStore = 'tasks' | 'log' | 'redis'

/** Whether a tenant may submit; the figures are in tasks for `tasks`, else in bytes. */
export type SubmissionDecision =
  | { readonly kind: 'take'; readonly reason: 'room' }
  | {
      readonly kind: 'refuse'
      readonly reason: 'limit' | 'share'
      readonly store: SharedStore
      readonly own: number
      readonly allowed: number
    }

/** Unfinished tasks that the tenants share: coordinators keep each of them in memory, about 1 kB. */
const UNFINISHED_PLACES = 500_000
/** The rest of Redis is for what the projection does not hold: limits, notes, totals. */
const REDIS_SHARE = 0.9

/**
 * Decides whether a tenant may submit a task of this size. `logShare` is the part of the log that
 * submissions may fill.
 */
export function decideSubmission(
  stores: SubmissionStores,
  own: Held,
  { tasks: tasksMax, logBytes }: Pick<TenantLimit, 'tasks' | 'logBytes'>,
  ask: { readonly tasks: number; readonly bytes: number },
  logShare: number,
): SubmissionDecision {
  const { log, redis, held, tenants } = stores
  const records = held.tasks + held.ended
  const recordBytes = records === 0 ? 0 : redis.bytes / records
  const tasks = {
    capacity: UNFINISHED_PLACES,
    used: held.tasks,
    own: own.tasks,
    ask: ask.tasks,
    limit: tasksMax,
    tenants,
  }
  const inLog = {
    capacity: sized(log, logShare),
    used: log.bytes,
    own: own.bytes,
    ask: ask.bytes,
    limit: logBytes,
    tenants,
  }
  const inRedis = {
    capacity: sized(redis, REDIS_SHARE),
    used: redis.bytes,
    // Records differ in size, but Redis does not say whose take how much.
    own: (own.tasks + own.ended) * recordBytes,
    ask: ask.tasks * recordBytes,
    tenants,
  }
  return refusal('tasks', tasks) ?? refusal('log', inLog) ?? refusal('redis', inRedis) ?? TAKE
}

const TAKE: SubmissionDecision = { kind: 'take', reason: 'room' }

function refusal(store: SharedStore, asked: ShareAsk): SubmissionDecision | undefined {
  const decision = decideShare(asked)
  if (decision.kind === 'take') return undefined
  const { reason, allowed } = decision
  const own = Math.ceil(asked.own)
  return { kind: 'refuse', reason, store, own, allowed: Math.floor(allowed) }
}

function sized({ maxBytes }: StoreFill, share: number): number | undefined {
  return maxBytes > 0 ? maxBytes * share : undefined
}
