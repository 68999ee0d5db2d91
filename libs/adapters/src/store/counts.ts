import {
  shownState,
  statesOf,
  TASK_STATES,
  type TaskFilter,
  type TaskPreview,
  type TaskState,
} from '@agentfleet/domain'
import type { Redis } from 'ioredis'
import { redisKey } from './redis-keys.ts'
import { idOf } from './stored-record.ts'
import {
  boundsOf,
  isSplit,
  listingsOf,
  needsRead,
  nodesOf,
  searchTasks,
  type Listing,
  type SearchSource,
} from './search.ts'

/** What tasks are counted by. */
export type CountGroup = 'state' | 'agent' | 'model' | 'priority' | 'errorCode' | 'node'

/** Which tasks to count. */
export interface CountQuery {
  readonly tenant: string
  readonly filter: TaskFilter
  readonly groupBy: CountGroup
}

/** The number of tasks by group, largest first. */
export interface TaskCounts {
  readonly groups: readonly { readonly key: string; readonly count: number }[]
  /** False if the count left tasks out, or could distinguish only a part of the queued tasks from running tasks. */
  readonly exact: boolean
  /** Tasks that had to be looked at one by one. */
  readonly scanned: number
  /**
   * Tasks counted as queued of which the count did not find out whether they run; every other group, and the
   * sum of `queued` and `running`, is exact. Absent if there is no such task.
   */
  readonly unsplit?: number
}

/** Tasks that one count looks at when no listing answers it: about a quarter of a second. */
const READ_MAX = 5_000
/** Queued tasks of which one count looks up whether a node has them: about 20 ms of Redis. */
const SPLIT_MAX = 20_000
const STEP = 1_000
/** More agents or error codes than people tell apart; further names are not counted. */
const NAMES_MAX = 500

/** Counts tasks: from the lengths of the listings if they answer, otherwise one by one. */
export async function countTasks(
  source: SearchSource,
  query: CountQuery,
  splitMax = SPLIT_MAX,
): Promise<TaskCounts> {
  const { filter, groupBy } = query
  const { agent, errorCode } = filter
  if (!needsRead(filter)) {
    if (groupBy === 'state') return byState(source.redis, query, splitMax)
    if (groupBy === 'agent' && errorCode === undefined) {
      return byAgent(source.redis, query, splitMax)
    }
    if (groupBy === 'errorCode' && agent === undefined) return byErrorCode(source.redis, query)
  }
  return oneByOne(source, query)
}

async function byState(
  redis: Redis,
  { tenant, filter }: CountQuery,
  splitMax: number,
): Promise<TaskCounts> {
  const listings = listingsOf(tenant, filter)
  const { counts, unsplit, scanned } = await shownCounts(redis, listings, filter, splitMax)
  const exact = unsplit === 0
  return { groups: sorted(counts), exact, scanned, ...(exact ? {} : { unsplit }) }
}

async function byAgent(
  redis: Redis,
  { tenant, filter }: CountQuery,
  splitMax: number,
): Promise<TaskCounts> {
  const known =
    filter.agent === undefined
      ? await redis.smembers(redisKey('agentNames', tenant))
      : [filter.agent]
  const names = known.slice(0, NAMES_MAX)
  // The sum of an agent needs no split if it counts both parts, or neither.
  const split = isSplit(filter)
  const counts = new Map<string, number>()
  let scanned = 0
  let unsplit = 0
  for (const agent of names) {
    const listings = listingsOf(tenant, { ...filter, agent })
    // All agents share the number of tasks that one count looks at.
    const shown = await shownCounts(redis, listings, filter, split ? splitMax - scanned : 0)
    const count = [...shown.counts.values()].reduce((sum, each) => sum + each, 0)
    counts.set(agent, count)
    scanned += shown.scanned
    unsplit += split ? shown.unsplit : 0
  }
  const exact = names.length === known.length && unsplit === 0
  return { groups: sorted(counts), exact, scanned, ...(unsplit === 0 ? {} : { unsplit }) }
}

async function byErrorCode(redis: Redis, query: CountQuery): Promise<TaskCounts> {
  const { tenant, filter } = query
  const states = statesOf(filter)
  if (states !== undefined && !states.includes('failed')) {
    return { groups: [], exact: true, scanned: 0 }
  }
  const known =
    filter.errorCode === undefined
      ? await redis.smembers(redisKey('errorCodes', tenant))
      : [filter.errorCode]
  const codes = known.slice(0, NAMES_MAX)
  const keys = codes.map((code) => redisKey('errorListing', tenant, code))
  const lengths = await lengthsOf(redis, keys, filter)
  const counts = new Map(codes.map((code, index) => [code, lengths[index] ?? 0]))
  return { groups: sorted(counts), exact: codes.length === known.length, scanned: 0 }
}

/** Counts by the state that clients see. */
async function shownCounts(
  redis: Redis,
  listings: readonly Listing[],
  filter: TaskFilter,
  splitMax: number,
) {
  const wanted = statesOf(filter) ?? TASK_STATES
  const lengths = await lengthsOf(
    redis,
    listings.map(({ key }) => key),
    filter,
  )
  const counts = new Map<TaskState, number>()
  listings.forEach(({ state }, index) => counts.set(state, lengths[index] ?? 0))
  const queued = listings.find(({ state }) => state === 'queued')
  const length = counts.get('queued') ?? 0
  if (queued === undefined || length === 0) return { counts, unsplit: 0, scanned: 0 }
  const { noted, looked } = await notedIn(redis, queued.key, filter, splitMax)
  counts.set('queued', Math.max(0, length - noted))
  counts.set('running', (counts.get('running') ?? 0) + noted)
  for (const state of counts.keys()) if (!wanted.includes(state)) counts.delete(state)
  return { counts, unsplit: Math.max(0, length - looked), scanned: looked }
}

/** How many of the oldest queued tasks a node has. */
async function notedIn(redis: Redis, key: string, filter: TaskFilter, splitMax: number) {
  const [lowest, highest] = boundsOf(filter)
  let noted = 0
  let looked = 0
  for (let from = lowest; looked < splitMax;) {
    const step = Math.min(STEP, splitMax - looked)
    const members = await redis.zrangebylex(key, from, highest, 'LIMIT', 0, step)
    const notes = await nodesOf(redis, members.map(idOf))
    noted += notes.filter((note) => note !== undefined).length
    looked += members.length
    const last = members.at(-1)
    if (last === undefined || members.length < step) break
    from = `(${last}`
  }
  return { noted, looked }
}

async function lengthsOf(redis: Redis, keys: readonly string[], filter: TaskFilter) {
  const [lowest, highest] = boundsOf(filter)
  return Promise.all(keys.map((key) => redis.zlexcount(key, lowest, highest)))
}

async function oneByOne(source: SearchSource, query: CountQuery): Promise<TaskCounts> {
  const { tenant, filter, groupBy } = query
  const counts = new Map<string, number>()
  const page = await searchTasks(source, { tenant, filter, limit: READ_MAX, lookedAtMax: READ_MAX })
  for (const { task, node } of page.found) {
    const key = keyOf(task, groupBy, node)
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return { groups: sorted(counts), exact: page.cursor === undefined, scanned: page.scanned }
}

function keyOf(task: TaskPreview, groupBy: CountGroup, node?: string): string | undefined {
  switch (groupBy) {
    case 'state':
      return shownState(task.state, node)
    case 'errorCode':
      return task.error?.code
    case 'node':
      return task.state === 'queued' && node !== undefined ? node : task.node
    case 'agent':
    case 'model':
    case 'priority':
      return task.spec[groupBy]
  }
}

function sorted(counts: ReadonlyMap<string, number>): TaskCounts['groups'] {
  return [...counts]
    .filter(([, count]) => count > 0)
    .map(([key, count]) => ({ key, count }))
    .sort((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1))
}
