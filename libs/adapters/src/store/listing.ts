import { TASK_STATES, type TaskState } from '@agentfleet/domain'
import type { Redis } from 'ioredis'
import { redisKey } from './redis-keys.ts'

/**
 * Listings of tasks, newest first. The first attempt of a task writes no start event (L3), so a task
 * that a load balancer has noted in flight is stored as `queued`; listings and reads show it as
 * `running`.
 */
export interface ListingQuery {
  readonly tenant: string
  readonly state?: TaskState
  readonly cursor?: string
  readonly limit: number
}

/** The ids of one page; with a cursor more tasks may follow, also behind a page that is not full. */
export interface ListingPage {
  readonly taskIds: readonly string[]
  readonly cursor?: string
}

/** Entries read in one step. */
const STEP = 1_000
/** Entries that one page looks at: some 20 ms of Redis. */
const LOOKED_AT_MAX = 10_000
/** Entries that the search for the oldest waiting task looks at: the rest run. */
const QUEUED_LOOKED_AT_MAX = 100_000

/** Reads one page. */
export function readListing(redis: Redis, query: ListingQuery): Promise<ListingPage> {
  const { state } = query
  if (state === 'queued') return withNotes(redis, query, ['queued'], (noted) => !noted)
  if (state === 'running') return withNotes(redis, query, ['queued', 'running'], (noted) => noted)
  return plain(redis, query, state === undefined ? TASK_STATES : [state])
}

/** The oldest queued task without a note; undefined: none waits. */
export async function oldestWaiting(redis: Redis, tenant: string): Promise<string | undefined> {
  const key = redisKey('listing', tenant, 'queued')
  for (let start = 0; start < QUEUED_LOOKED_AT_MAX; start += STEP) {
    const members = await redis.zrange(key, String(start), String(start + STEP - 1))
    if (members.length === 0) return undefined
    const found = (await notesOf(redis, members)).indexOf(false)
    if (found !== -1) return idOf(members[found]!)
  }
  return undefined
}

async function plain(
  redis: Redis,
  { tenant, cursor, limit }: ListingQuery,
  states: readonly TaskState[],
): Promise<ListingPage> {
  const entries = await newest(redis, tenant, states, cursor, limit + 1)
  return pageOf(
    entries.map(({ member }) => member),
    limit,
  )
}

/** Entries of these states; of the queued ones only those whose note is as wanted. */
async function withNotes(
  redis: Redis,
  { tenant, cursor, limit }: ListingQuery,
  states: readonly TaskState[],
  wanted: (noted: boolean) => boolean,
): Promise<ListingPage> {
  const found: string[] = []
  let below = cursor
  for (let looked = 0; looked < LOOKED_AT_MAX; looked += STEP) {
    const entries = await newest(redis, tenant, states, below, STEP)
    const queued = entries.filter(({ state }) => state === 'queued').map(({ member }) => member)
    const notes = await notesOf(redis, queued)
    const dropped = new Set(queued.filter((_member, index) => !wanted(notes[index] ?? false)))
    found.push(...entries.map(({ member }) => member).filter((member) => !dropped.has(member)))
    if (found.length > limit || entries.length < STEP) return pageOf(found, limit)
    below = entries.at(-1)?.member
  }
  return { taskIds: found.map(idOf), ...(below === undefined ? {} : { cursor: below }) }
}

interface Entry {
  readonly member: string
  readonly state: TaskState
}

/** The newest entries of these states below a cursor. */
async function newest(
  redis: Redis,
  tenant: string,
  states: readonly TaskState[],
  cursor: string | undefined,
  count: number,
): Promise<Entry[]> {
  const below = cursor === undefined ? '+' : `(${cursor}`
  const lists = await Promise.all(
    states.map(async (state) => {
      const key = redisKey('listing', tenant, state)
      const members = await redis.zrevrangebylex(key, below, '-', 'LIMIT', 0, count)
      return members.map((member): Entry => ({ member, state }))
    }),
  )
  const all = lists.flat().sort((a, b) => (a.member < b.member ? 1 : -1))
  return all.slice(0, count)
}

/** Whether each of these tasks is noted in flight. */
async function notesOf(redis: Redis, members: readonly string[]): Promise<boolean[]> {
  if (members.length === 0) return []
  const notes = await redis.hmget(redisKey('inflight'), ...members.map(idOf))
  return notes.map((note) => note !== null)
}

function pageOf(members: readonly string[], limit: number): ListingPage {
  const page = members.slice(0, limit)
  const last = page.at(-1)
  const taskIds = page.map(idOf)
  return members.length > limit && last !== undefined ? { taskIds, cursor: last } : { taskIds }
}

/** A member is the time of submission and the id. */
function idOf(member: string): string {
  return member.slice(member.indexOf(':') + 1)
}
