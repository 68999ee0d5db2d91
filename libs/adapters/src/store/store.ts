import { jsonIn, TASK_STATES, type TaskPreview, type TaskRecord } from '@agentfleet/domain'
import type { Redis } from 'ioredis'
import { countTasks, type CountQuery, type TaskCounts } from './counts.ts'
import { createForgetter, type ExpiredTasks } from './forgetting.ts'
import { nodesOf, oldestWaiting, searchTasks, type SearchPage, type SearchQuery } from './search.ts'
import { indexMember, storedRecord } from './stored-record.ts'
import { createReads } from './reads.ts'
import { redisKey } from './redis-keys.ts'
import { connectRedis, runScript, type RedisConnection, type RedisOptions } from './redis.ts'
import {
  DROP_STRANDED_SCRIPT,
  INFLIGHT_OF_SCRIPT,
  MARK_BUILT_SCRIPT,
  PROJECT_SCRIPT,
} from './store-scripts.ts'

/**
 * The projection in Redis (keys: redis-keys.ts): the API's data, made from LOG alone, so an emptied Redis can
 * be rebuilt (L8). A record only moves forward: one with a lower log sequence changes nothing.
 */
export interface Store extends RedisConnection {
  /** Writes records that are newer than what is stored; one round trip for the whole batch. */
  project(records: readonly TaskRecord[], retentionMs: number): Promise<void>
  load(taskId: string): Promise<TaskRecord | undefined>
  /** What lists show of these tasks, in the order of the ids; undefined: the store does not have the task. */
  previews(taskIds: readonly string[]): Promise<(TaskPreview | undefined)[]>
  /** One page of the tasks that match. */
  search(query: SearchQuery): Promise<SearchPage>
  /** How many tasks match, by group. */
  count(query: CountQuery): Promise<TaskCounts>
  /** The oldest queued task of a tenant for which no node is noted; undefined: none waits. */
  oldestQueued(tenant: string): Promise<TaskPreview | undefined>
  /** Notes where tasks run and how to give their pointers back. */
  noteInflight(entries: readonly InflightNote[]): Promise<void>
  /** Drops those of these notes that are unchanged; a newer note stays. */
  dropStranded(entries: readonly InflightNote[]): Promise<void>
  inflightNode(taskIds: readonly string[]): Promise<(string | undefined)[]>
  /** The in-flight notes of one node. */
  inflightOf(nodeId: string): Promise<InflightNote[]>
  /** Log sequence up to which the projection is complete; undefined after the store was emptied, or if it is unreadable. */
  builtSeq(): Promise<number | undefined>
  /**
   * Marks the projection as complete up to `seq` if its mark is at `since`, the position that the writer has seen
   * (-1: no mark); returns the position of the mark. A lower answer means that the store was
   * emptied or reset to an older state: records in between are missing, and nothing was changed.
   */
  markBuilt(seq: number, since: number): Promise<number | undefined>
  /**
   * Removes index entries of ended tasks whose records have expired, and the records of tasks that expired early;
   * some of them if there are many, the next call continues.
   */
  forgetExpired(expiredOf: (tenant: string) => ExpiredTasks): Promise<void>
  /** Removes records with their notes and index entries: the log no longer has these tasks. */
  forget(records: readonly TaskRecord[]): Promise<void>
  /** The memory that Redis uses and may use; 0 as `maxBytes`: it has no limit. */
  fill(): Promise<{ readonly bytes: number; readonly maxBytes: number }>
}

/** Where a task runs, and how to give its pointer back. */
export interface InflightNote {
  readonly taskId: string
  readonly nodeId: string
  readonly ackSubject: string
}

/** Longest time for a command, milliseconds: after that the API falls back to the log. */
const COMMAND_WITHIN_MS = 2_000
/** Records removed in one round trip. */
const FORGET_COUNT = 1_000
/** Notes looked at in one step of a search, which blocks Redis for a few milliseconds. */
const SEARCH_COUNT = 10_000
const INFLIGHT = redisKey('inflight')
const SEPARATOR = ' '
/** Connects to Redis; while the store is unavailable, every call throws `store-unavailable`. */
export async function connectStore(options: RedisOptions): Promise<Store> {
  const link = await connectRedis(options, 'store', COMMAND_WITHIN_MS)
  const { redis, guarded } = link
  const forget = createForgetter(redis, options.log)
  const reads = createReads(redis, options.log)
  const source = { redis, previews: reads.previews }

  return {
    project: (records, retentionMs) =>
      guarded(async () => {
        if (records.length === 0) return
        const argv: string[] = [String(retentionMs)]
        for (const record of records) argv.push(...storedRecord(record))
        await runScript(redis, PROJECT_SCRIPT, [], argv)
      }),
    load: (taskId) => guarded(() => reads.load(taskId)),
    previews: (taskIds) => guarded(() => reads.previews(taskIds)),
    search: (query) => guarded(() => searchTasks(source, query)),
    count: (query) => guarded(() => countTasks(source, query)),
    oldestQueued: (tenant) =>
      guarded(async () => {
        const taskId = await oldestWaiting(redis, tenant)
        return taskId === undefined ? undefined : (await reads.previews([taskId]))[0]
      }),
    noteInflight: (entries) =>
      guarded(async () => {
        if (entries.length > 0) await redis.hset(INFLIGHT, ...fieldsOf(entries))
      }),
    dropStranded: (entries) =>
      guarded(async () => {
        if (entries.length > 0) await runScript(redis, DROP_STRANDED_SCRIPT, [], fieldsOf(entries))
      }),
    inflightNode: (taskIds) => guarded(() => nodesOf(redis, taskIds)),
    inflightOf: (nodeId) => guarded(() => inflightOf(redis, nodeId)),
    builtSeq: () =>
      guarded(async () => {
        const seq = jsonIn((await redis.get(redisKey('projection'))) ?? '')
        return typeof seq === 'number' ? seq : undefined
      }),
    markBuilt: (seq, since) =>
      guarded(async () => {
        const at = await runScript(redis, MARK_BUILT_SCRIPT, [redisKey('projection')], [seq, since])
        return at === null ? undefined : Number(at)
      }),
    forgetExpired: (expiredOf) => guarded(() => forget(expiredOf)),
    forget: (records) => guarded(() => dropRecords(redis, records)),
    fill: () => guarded(() => fillOf(redis)),
    connected: () => link.connected(),
    close: () => link.close(),
  }
}

/** The task and the value of each note. */
function fieldsOf(entries: readonly InflightNote[]): string[] {
  const fields: string[] = []
  for (const { taskId, nodeId, ackSubject } of entries) {
    fields.push(taskId, nodeId + SEPARATOR + ackSubject)
  }
  return fields
}

async function fillOf(redis: Redis): Promise<{ bytes: number; maxBytes: number }> {
  const info = await redis.info('memory')
  const figure = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  return { bytes: figure('used_memory'), maxBytes: figure('maxmemory') }
}

async function inflightOf(redis: Redis, nodeId: string): Promise<InflightNote[]> {
  const entries = new Map<string, InflightNote>()
  for (let cursor = '0'; ;) {
    const argv = [cursor, String(SEARCH_COUNT), nodeId + SEPARATOR]
    const [next = '0', ...fields] = (await runScript(
      redis,
      INFLIGHT_OF_SCRIPT,
      [],
      argv,
    )) as string[]
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [node = '', ackSubject = ''] = fields[i + 1]!.split(SEPARATOR)
      entries.set(fields[i]!, { taskId: fields[i]!, nodeId: node, ackSubject })
    }
    if (next === '0') return [...entries.values()]
    cursor = next
  }
}

async function dropRecords(redis: Redis, records: readonly TaskRecord[]): Promise<void> {
  for (let start = 0; start < records.length; start += FORGET_COUNT) {
    const pipeline = redis.pipeline()
    for (const record of records.slice(start, start + FORGET_COUNT)) {
      const { taskId, tenant, submittedAtMs, spec, error } = record
      // The coordinator's user may let a key expire, and delete none.
      pipeline.pexpire(redisKey('task', taskId), 1)
      pipeline.hdel(INFLIGHT, taskId)
      const member = indexMember(submittedAtMs, taskId)
      for (const state of TASK_STATES) {
        pipeline.zrem(redisKey('listing', tenant, state), member)
        pipeline.zrem(redisKey('agentListing', tenant, state, spec.agent), member)
      }
      if (error !== undefined) pipeline.zrem(redisKey('errorListing', tenant, error.code), member)
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  }
}
