import {
  needsTask,
  shownState,
  statesOf,
  taskMatches,
  TASK_STATES,
  type TaskFilter,
  type TaskPreview,
  type TaskState,
} from '@agentfleet/domain'
import type { Redis } from 'ioredis'
import { redisKey } from './redis-keys.ts'
import { idOf, timeText } from './stored-record.ts'

/**
 * Lists of tasks by time of submission. The first attempt of a task writes no start event (L3), so a task that a
 * load balancer has noted in flight is stored as `queued`; lists and counts take it as `running`.
 *
 * Listings exist by state, by state and agent, and for failed tasks by error code. Every other condition is
 * checked task by task, so one search looks at a bounded number of tasks and says how many (L7).
 */
export interface SearchQuery {
  readonly tenant: string
  readonly filter: TaskFilter
  /** By time of submission; `newest` by default. */
  readonly order?: 'newest' | 'oldest'
  readonly cursor?: string
  readonly limit: number
  /** Entries that the search looks at; by default as many as take a fraction of a second. */
  readonly lookedAtMax?: number
}

/** A task with the node that has it, if it is queued and a node is known. */
export interface FoundTask {
  readonly task: TaskPreview
  readonly node?: string
}

/** One page; with a cursor more tasks may follow, also behind a page that is not full. */
export interface SearchPage {
  readonly found: readonly FoundTask[]
  /** Stored tasks that the search looked at. */
  readonly scanned: number
  readonly cursor?: string
}

/** What a search reads. */
export interface SearchSource {
  readonly redis: Redis
  previews(taskIds: readonly string[]): Promise<(TaskPreview | undefined)[]>
}

/** Entries read in one step. */
const STEP = 1_000
/** The same when each of them is read: about 10 ms of this process. */
const READ_STEP = 250
/** Entries that one page looks at: some 20 ms of Redis. */
const LOOKED_AT_MAX = 10_000
/** The same when each of them is read: some 100 ms. */
const READ_MAX = 2_000
/** Entries that the search for the oldest waiting task examines: a fleet seldom runs so many tasks at a time. */
const QUEUED_LOOKED_AT_MAX = 100_000

/** Reads one page. */
export async function searchTasks(source: SearchSource, query: SearchQuery): Promise<SearchPage> {
  const { tenant, filter, limit } = query
  const listings = listingsOf(tenant, filter)
  const selective = needsRead(filter)
  const most = query.lookedAtMax ?? (selective ? READ_MAX : LOOKED_AT_MAX)
  const found: FoundTask[] = []
  const members: string[] = []
  let cursor = query.cursor
  let scanned = 0
  for (;;) {
    const left = Math.min(selective ? READ_STEP : STEP, most - scanned)
    const step = selective || isSplit(filter) ? left : Math.min(left, limit + 1 - found.length)
    if (step <= 0) break
    const entries = await readEntries(source.redis, listings, query, cursor, step)
    const looked = await lookAt(source, filter, entries, selective, limit + 1 - found.length)
    for (const each of looked) {
      scanned += 1
      cursor = each.member
      if (each.found === undefined) continue
      if (found.length === limit)
        return { found, scanned: scanned - 1, ...cursorOf(members.at(-1)) }
      found.push(each.found)
      members.push(each.member)
    }
    const last = entries.at(-1)?.member
    if (entries.length < step && (last === undefined || last === cursor)) return { found, scanned }
  }
  return { found, scanned, ...cursorOf(cursor) }
}

/** The oldest queued task without a note; undefined: none waits. */
export async function oldestWaiting(redis: Redis, tenant: string): Promise<string | undefined> {
  const key = redisKey('listing', tenant, 'queued')
  for (let start = 0; start < QUEUED_LOOKED_AT_MAX; start += STEP) {
    const members = await redis.zrangebylex(key, '-', '+', 'LIMIT', start, STEP)
    if (members.length === 0) return undefined
    const found = (await nodesOf(redis, members.map(idOf))).indexOf(undefined)
    if (found !== -1) return idOf(members[found]!)
  }
  return undefined
}

/** A listing with the state of its entries. */
export interface Listing {
  readonly key: string
  readonly state: TaskState
}

/** The listings that hold every task which can match. */
export function listingsOf(tenant: string, filter: TaskFilter): readonly Listing[] {
  const { agent, errorCode } = filter
  return indexedStates(statesOf(filter) ?? TASK_STATES).map((state) => {
    if (agent !== undefined) return { state, key: redisKey('agentListing', tenant, state, agent) }
    return state === 'failed' && errorCode !== undefined
      ? { state, key: redisKey('errorListing', tenant, errorCode) }
      : { state, key: redisKey('listing', tenant, state) }
  })
}

/** Whether tasks must be read to know which of the listings' entries match. */
export function needsRead(filter: TaskFilter): boolean {
  const { agent, errorCode, ...rest } = filter
  if (needsTask(rest)) return true
  if (errorCode === undefined) return false
  const states = statesOf(filter) ?? []
  return agent !== undefined || states.some((state) => state !== 'failed')
}

/** Whether the filter wants only one part of the queued entries: those with a note, or those without. */
export function isSplit(filter: TaskFilter): boolean {
  const states = statesOf(filter)
  return states !== undefined && states.includes('queued') !== states.includes('running')
}

/** The bounds of the filter's times of submission, as members. */
export function boundsOf(filter: TaskFilter): readonly [lowest: string, highest: string] {
  // A task ends after its submission.
  const before = Math.min(filter.createdBeforeMs ?? Infinity, filter.endedBeforeMs ?? Infinity)
  return [
    filter.createdFromMs === undefined ? '-' : `[${timeText(filter.createdFromMs)}:`,
    before === Infinity ? '+' : `(${timeText(before)}:`,
  ]
}

/** The nodes that have these tasks. */
export async function nodesOf(
  redis: Redis,
  taskIds: readonly string[],
): Promise<(string | undefined)[]> {
  if (taskIds.length === 0) return []
  const notes = await redis.hmget(redisKey('inflight'), ...taskIds)
  return notes.map((note) => note?.split(' ')[0])
}

interface Entry {
  readonly member: string
  readonly state: TaskState
}

interface Looked {
  readonly member: string
  readonly found?: FoundTask
}

/** Looks at entries in order until so many match; those behind the last one it answers with stay unseen. */
async function lookAt(
  { redis, previews }: SearchSource,
  filter: TaskFilter,
  entries: readonly Entry[],
  selective: boolean,
  wanted: number,
): Promise<readonly Looked[]> {
  const states = statesOf(filter)
  const queued = entries.filter(({ state }) => state === 'queued').map(({ member }) => member)
  const notes = await nodesOf(redis, queued.map(idOf))
  const nodes = new Map(queued.map((member, index) => [member, notes[index]]))
  const can = ({ member, state }: Entry): boolean =>
    states === undefined || states.includes(shownState(state, nodes.get(member)))
  const read: string[] = []
  for (const entry of entries) {
    if (!selective && read.length === wanted) break
    if (can(entry)) read.push(entry.member)
  }
  const tasks = await previews(read.map(idOf))
  const byMember = new Map(read.map((member, index) => [member, tasks[index]]))
  const all =
    !selective && read.length === wanted ? positionOf(entries, read.at(-1)) : entries.length
  return entries.slice(0, all).map(({ member }): Looked => {
    const task = byMember.get(member)
    const node = nodes.get(member)
    if (task === undefined || !taskMatches(task, filter, node)) return { member }
    return { member, found: { task, ...(node === undefined ? {} : { node }) } }
  })
}

function positionOf(entries: readonly Entry[], member: string | undefined): number {
  return entries.findIndex((entry) => entry.member === member) + 1
}

/** The next entries of these listings behind the cursor. */
async function readEntries(
  redis: Redis,
  listings: readonly Listing[],
  { filter, order }: Pick<SearchQuery, 'filter' | 'order'>,
  cursor: string | undefined,
  count: number,
): Promise<Entry[]> {
  const [lowest, highest] = boundsOf(filter)
  const behind = cursor === undefined ? undefined : `(${cursor}`
  const oldest = order === 'oldest'
  const lists = await Promise.all(
    listings.map(async ({ key, state }) => {
      const members = oldest
        ? await redis.zrangebylex(key, behind ?? lowest, highest, 'LIMIT', 0, count)
        : await redis.zrevrangebylex(key, behind ?? highest, lowest, 'LIMIT', 0, count)
      return members.map((member): Entry => ({ member, state }))
    }),
  )
  const sign = oldest ? -1 : 1
  const all = lists.flat().sort((a, b) => (a.member < b.member ? sign : -sign))
  return all.slice(0, count)
}

/** The states of the listings that hold tasks which clients see in these states. */
function indexedStates(states: readonly TaskState[]): readonly TaskState[] {
  const indexed = states.includes('running') ? ['queued' as const, ...states] : states
  return [...new Set(indexed)]
}

function cursorOf(member: string | undefined): { cursor?: string } {
  return member === undefined ? {} : { cursor: member }
}
