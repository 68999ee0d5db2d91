import { isTerminal, TASK_STATES } from '@agentfleet/domain'
import type { Logger } from '@agentfleet/runtime'
import type { Redis } from 'ioredis'
import { redisKey } from './redis-keys.ts'
import { runScript } from './redis.ts'
import { FORGET_NAMES_SCRIPT } from './store-scripts.ts'
import { HEAD_BYTES, idOf, previewIn, timeText } from './stored-record.ts'

/** Entries looked at in one round trip; Redis serves other clients in between. */
const STEP = 500
/** Entries of one listing that one call looks at; the next call continues there. */
const LOOKED_AT_MAX = 20_000
const ENDED = TASK_STATES.filter(isTerminal)

/** Which ended tasks of a tenant have expired. */
export interface ExpiredTasks {
  readonly endedUntilMs: number
  /** Whether they expired before the retention time, so that their records are still stored. */
  readonly early: boolean
}

/**
 * Removes the entries of ended tasks from the listings once their records have expired. The entries stand in
 * the order of submission, and a task may end long after it: so the records say what has expired, and a task
 * that lasted a week keeps no entry but its own.
 */
export function createForgetter(
  redis: Redis,
  log: Logger,
): (expiredOf: (tenant: string) => ExpiredTasks) => Promise<void> {
  /** The last entry looked at, by listing; absent: begin at the oldest. */
  const places = new Map<string, string>()

  const forgetIn = async (
    listing: string,
    { endedUntilMs, early }: ExpiredTasks,
  ): Promise<void> => {
    // A task ends no earlier than it begins.
    const below = `(${timeText(endedUntilMs + 1)}:`
    for (let looked = 0; looked < LOOKED_AT_MAX; looked += STEP) {
      const from = places.get(listing)
      const start = from === undefined ? '-' : `(${from}`
      const members = await redis.zrangebylex(listing, start, below, 'LIMIT', 0, STEP)
      const last = members.at(-1)
      if (last === undefined || members.length < STEP) places.delete(listing)
      else places.set(listing, last)
      if (members.length > 0 && early) await expireEnded(redis, members, endedUntilMs, log)
      if (members.length > 0) await forgetExpired(redis, listing, members)
      if (members.length < STEP) return
    }
  }

  return async (expiredOf) => {
    for (const tenant of await redis.smembers(redisKey('tenants'))) {
      const expired = expiredOf(tenant)
      for (const listing of await listingsOf(redis, tenant)) await forgetIn(listing, expired)
      await runScript(redis, FORGET_NAMES_SCRIPT, [], [tenant, ...TASK_STATES])
    }
  }
}

/** The listings of a tenant's ended tasks. */
async function listingsOf(redis: Redis, tenant: string): Promise<string[]> {
  const [agents, codes] = await Promise.all([
    redis.smembers(redisKey('agentNames', tenant)),
    redis.smembers(redisKey('errorCodes', tenant)),
  ])
  return [
    ...ENDED.map((state) => redisKey('listing', tenant, state)),
    ...ENDED.flatMap((state) =>
      agents.map((agent) => redisKey('agentListing', tenant, state, agent)),
    ),
    ...codes.map((code) => redisKey('errorListing', tenant, code)),
  ]
}

/** A record whose preview cannot be read stays until its own time is over. */
async function expireEnded(
  redis: Redis,
  members: readonly string[],
  endedUntilMs: number,
  log: Logger,
): Promise<void> {
  const keys = members.map((member) => redisKey('task', idOf(member)))
  const heads = await Promise.all(keys.map((key) => redis.getrange(key, 0, HEAD_BYTES - 1)))
  const ended = keys.filter((_key, index) => {
    const head = heads[index] ?? ''
    const task = head === '' ? undefined : previewIn(head, HEAD_BYTES, log)
    return task !== undefined && isTerminal(task.state) && task.updatedAtMs <= endedUntilMs
  })
  // The coordinator's user may let a key expire, and delete none.
  await Promise.all(ended.map((key) => redis.pexpire(key, 0)))
}

async function forgetExpired(
  redis: Redis,
  listing: string,
  members: readonly string[],
): Promise<void> {
  const heads = await Promise.all(
    members.map((member) => redis.getrange(redisKey('task', idOf(member)), 0, 0)),
  )
  const gone = members.filter((_member, index) => heads[index] === '')
  if (gone.length > 0) await redis.zrem(listing, ...gone)
}
