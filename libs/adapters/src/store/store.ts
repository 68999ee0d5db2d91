import { TASK_STATES, type TaskRecord, type TaskSpec } from '@agentfleet/domain'
import { fromStored, toStored } from '@agentfleet/protocol'
import type { Redis } from 'ioredis'
import type { Logger } from '@agentfleet/runtime'
import { BYTES_PER_CHAR_MAX } from '../bus/codec.ts'
import { createForgetter } from './forgetting.ts'
import { oldestWaiting, readListing, type ListingQuery } from './listing.ts'
import { redisKey } from './redis-keys.ts'
import { connectRedis, runScript, type RedisOptions } from './redis.ts'
import {
  DROP_STRANDED_SCRIPT,
  INFLIGHT_OF_SCRIPT,
  MARK_BUILT_SCRIPT,
  PROJECT_SCRIPT,
} from './store-scripts.ts'

/** A task as listings show it, with the beginning of its text. */
export type TaskPreview = Pick<
  TaskRecord,
  | 'taskId'
  | 'state'
  | 'seq'
  | 'submittedAtMs'
  | 'updatedAtMs'
  | 'attempt'
  | 'failures'
  | 'waitingFor'
  | 'node'
  | 'error'
> & { readonly spec: Pick<TaskSpec, 'task' | 'agent' | 'model' | 'priority'> }

/**
 * The projection in Redis (keys: redis-keys.ts): the API's data, made from LOG alone, so an emptied Redis can
 * be rebuilt (L8). A record only moves forward: one with a lower log sequence changes nothing.
 */
export interface Store {
  /** Writes records that are newer than what is stored; one round trip for the whole batch. */
  project(records: readonly TaskRecord[], retentionMs: number): Promise<void>
  load(taskId: string): Promise<TaskRecord | undefined>
  /** Newest first. */
  list(query: ListingQuery): Promise<{ readonly records: TaskRecord[]; readonly cursor?: string }>
  /** The same page without whole records, which may be large. */
  previews(
    query: ListingQuery,
  ): Promise<{ readonly records: TaskPreview[]; readonly cursor?: string }>
  /** The oldest queued task of a tenant for which no node is noted; undefined: none waits. */
  oldestQueued(tenant: string): Promise<TaskPreview | undefined>
  /** Notes where tasks run and how to give their pointers back. */
  noteInflight(
    entries: readonly { taskId: string; nodeId: string; ackSubject: string }[],
  ): Promise<void>
  /** Drops those of these notes that are unchanged; a newer note stays. */
  dropStranded(
    entries: readonly { taskId: string; nodeId: string; ackSubject: string }[],
  ): Promise<void>
  inflightNode(taskIds: readonly string[]): Promise<(string | undefined)[]>
  /** The in-flight notes of one node; all notes when no node is named. */
  inflightOf(nodeId?: string): Promise<{ taskId: string; nodeId: string; ackSubject: string }[]>
  /** Log sequence up to which the projection is complete; undefined after the store was emptied. */
  builtSeq(): Promise<number | undefined>
  /**
   * Marks the projection as complete up to `seq`, if it is known to be complete up to `since`, which the
   * writer has seen (-1: nothing); returns the position of the mark. A lower answer means that the store was
   * emptied or reset to an older state: records in between are missing, and nothing was changed.
   */
  markBuilt(seq: number, since: number): Promise<number | undefined>
  /**
   * Removes index entries of ended tasks submitted before this time whose records have expired; some of
   * them if there are many, the next call continues.
   */
  forgetBefore(atMs: number): Promise<void>
  /** Removes records with their notes and index entries: the log no longer has these tasks. */
  forget(records: readonly TaskRecord[]): Promise<void>
  /** The memory that Redis uses and may use; 0 as `maxBytes`: it has no limit. */
  fill(): Promise<{ readonly bytes: number; readonly maxBytes: number }>
  /** Whether Redis is connected now. */
  connected(): boolean
  close(): Promise<void>
}

/** Longest time for a command, milliseconds: after that the API falls back to the log. */
const COMMAND_WITHIN_MS = 2_000
/** Entries looked at in one step of a scan. */
const SCAN_COUNT = 1_000
/** The same for a scan that returns only matches: each step blocks Redis for a few milliseconds. */
const SEARCH_COUNT = 10_000
const INFLIGHT = redisKey('inflight')
const SEPARATOR = ' '
/** Characters of a task's text in a listing: one line on a screen. */
export const PREVIEW_CHARS = 160
/** A listing reads this much of each task: a small record, or the preview in front of a large one, bytes. */
const HEAD_BYTES = 8 * 1024
/** A record with more characters may not fit into the head together with its sequence and state. */
const LARGE_CHARACTERS = HEAD_BYTES / BYTES_PER_CHAR_MAX - 64

/** Connects to Redis; while the store is unavailable, every call throws `store-unavailable`. */
export async function connectStore(options: RedisOptions): Promise<Store> {
  const link = await connectRedis({ ...options, name: 'store', commandWithinMs: COMMAND_WITHIN_MS })
  const { redis, guarded } = link
  const forget = createForgetter(redis)

  const loadMany = async (ids: readonly string[]): Promise<(TaskRecord | undefined)[]> => {
    const texts = await redis.mget(ids.map((id) => redisKey('task', id)))
    return texts.map((text) => (text === null ? undefined : readRecord(text, options.log)))
  }

  const previewMany = async (ids: readonly string[]): Promise<(TaskPreview | undefined)[]> => {
    const heads = await Promise.all(
      ids.map((id) => redis.getrange(redisKey('task', id), 0, HEAD_BYTES - 1)),
    )
    const previews = heads.map((head) => previewIn(head, options.log))
    // The preview itself may be large: it holds the arguments of a tool call that waits for approval.
    const whole = ids.filter((_id, index) => heads[index] !== '' && previews[index] === undefined)
    const loaded = whole.length === 0 ? [] : await loadMany(whole)
    const records = new Map(whole.map((id, index) => [id, loaded[index]]))
    return ids.map((id, index) => previews[index] ?? records.get(id))
  }

  return {
    project: (records, retentionMs) =>
      guarded(async () => {
        if (records.length === 0) return
        const argv: string[] = [String(retentionMs)]
        for (const record of records) {
          const member = indexMember(record.submittedAtMs, record.taskId)
          argv.push(`${record.taskId} ${record.tenant} ${member}`, storedText(record))
        }
        await runScript(redis, PROJECT_SCRIPT, [], argv)
      }),
    load: (taskId) => guarded(async () => (await loadMany([taskId]))[0]),
    list: (query) => guarded(() => list(redis, loadMany, query)),
    previews: (query) => guarded(() => list(redis, previewMany, query)),
    oldestQueued: (tenant) =>
      guarded(async () => {
        const taskId = await oldestWaiting(redis, tenant)
        return taskId === undefined ? undefined : (await previewMany([taskId]))[0]
      }),
    noteInflight: (entries) =>
      guarded(async () => {
        if (entries.length === 0) return
        const fields: string[] = []
        for (const entry of entries) {
          fields.push(entry.taskId, entry.nodeId + SEPARATOR + entry.ackSubject)
        }
        await redis.hset(INFLIGHT, ...fields)
      }),
    dropStranded: (entries) =>
      guarded(async () => {
        const argv = entries.flatMap(({ taskId, nodeId, ackSubject }) => [
          taskId,
          nodeId + SEPARATOR + ackSubject,
        ])
        if (argv.length > 0) await runScript(redis, DROP_STRANDED_SCRIPT, [], argv)
      }),
    inflightNode: (taskIds) =>
      guarded(async () => {
        if (taskIds.length === 0) return []
        const values = await redis.hmget(INFLIGHT, ...taskIds)
        return values.map((value) => value?.split(SEPARATOR)[0])
      }),
    inflightOf: (nodeId) => guarded(() => inflightOf(redis, nodeId)),
    builtSeq: () =>
      guarded(async () => {
        const seq = await redis.get(redisKey('projection'))
        return seq === null ? undefined : Number(seq)
      }),
    markBuilt: (seq, since) =>
      guarded(async () => {
        const at = await runScript(redis, MARK_BUILT_SCRIPT, [redisKey('projection')], [seq, since])
        return at === null ? undefined : Number(at)
      }),
    forgetBefore: (atMs) => guarded(() => forget(atMs)),
    forget: (records) => guarded(() => dropRecords(redis, records)),
    fill: () =>
      guarded(async () => {
        const info = await redis.info('memory')
        const figure = (name: string) =>
          Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
        return { bytes: figure('used_memory'), maxBytes: figure('maxmemory') }
      }),
    connected: () => link.connected(),
    close: () => link.close(),
  }
}

/** A member that sorts by time of submission, then by id. */
function indexMember(submittedAtMs: number, taskId: string): string {
  return `${String(submittedAtMs).padStart(14, '0')}:${taskId}`
}

/** Undefined for a record of a newer release: its task can be read from the log. */
function readRecord(text: string, log: Logger): TaskRecord | undefined {
  try {
    // The record follows its preview, if it has one.
    const from = Math.max(text.indexOf('\n') + 1, text.indexOf('{'))
    return fromStored(text.slice(from), 'record') as TaskRecord
  } catch (error) {
    log.error({ err: error }, 'An unreadable record was left out')
    return undefined
  }
}

function storedText(record: TaskRecord): string {
  const text = toStored(record, 'record')
  const preview = text.length < LARGE_CHARACTERS ? '' : `${previewText(record)}\n`
  return `${record.seq} ${record.state} ${preview}${text}`
}

function previewText(record: TaskRecord): string {
  const { taskId, state, seq, submittedAtMs, updatedAtMs, attempt, failures } = record
  const { spec, waitingFor, node, error } = record
  const { agent, model, priority } = spec
  const task = spec.task.slice(0, PREVIEW_CHARS)
  const fixed = { taskId, state, seq, submittedAtMs, updatedAtMs, attempt, failures }
  const preview: TaskPreview = {
    ...fixed,
    spec: { task, agent, model, priority },
    ...(waitingFor === undefined ? {} : { waitingFor }),
    ...(node === undefined ? {} : { node }),
    ...(error === undefined ? {} : { error }),
  }
  return JSON.stringify(preview)
}

/** What a listing shows, from the first bytes of a stored value; undefined when it is incomplete. */
function previewIn(head: string, log: Logger): TaskPreview | undefined {
  const end = head.indexOf('\n')
  if (end !== -1) return JSON.parse(head.slice(head.indexOf('{'), end)) as TaskPreview
  return head === '' || Buffer.byteLength(head) >= HEAD_BYTES ? undefined : readRecord(head, log)
}

async function list<T>(
  redis: Redis,
  loadMany: (ids: readonly string[]) => Promise<(T | undefined)[]>,
  query: ListingQuery,
): Promise<{ readonly records: T[]; readonly cursor?: string }> {
  const { taskIds, cursor } = await readListing(redis, query)
  const found = taskIds.length === 0 ? [] : await loadMany(taskIds)
  const records = found.filter((record) => record !== undefined)
  return cursor === undefined ? { records } : { records, cursor }
}

async function inflightOf(redis: Redis, nodeId: string | undefined) {
  const entries = new Map<string, { taskId: string; nodeId: string; ackSubject: string }>()
  for (let cursor = '0'; ;) {
    const [next, fields] =
      nodeId === undefined
        ? await redis.hscan(INFLIGHT, cursor, 'COUNT', SCAN_COUNT)
        : await searchInflight(redis, cursor, nodeId)
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [node = '', ackSubject = ''] = fields[i + 1]!.split(SEPARATOR)
      entries.set(fields[i]!, { taskId: fields[i]!, nodeId: node, ackSubject })
    }
    if (next === '0') return [...entries.values()]
    cursor = next
  }
}

async function searchInflight(
  redis: Redis,
  cursor: string,
  nodeId: string,
): Promise<[next: string, fields: string[]]> {
  const argv = [cursor, String(SEARCH_COUNT), nodeId + SEPARATOR]
  const [next = '0', ...fields] = (await runScript(redis, INFLIGHT_OF_SCRIPT, [], argv)) as string[]
  return [next, fields]
}

async function dropRecords(redis: Redis, records: readonly TaskRecord[]): Promise<void> {
  for (let start = 0; start < records.length; start += SCAN_COUNT) {
    const pipeline = redis.pipeline()
    for (const { taskId, tenant, submittedAtMs } of records.slice(start, start + SCAN_COUNT)) {
      // The coordinator's user may let a key expire, and delete none.
      pipeline.pexpire(redisKey('task', taskId), 1)
      pipeline.hdel(INFLIGHT, taskId)
      const member = indexMember(submittedAtMs, taskId)
      for (const state of TASK_STATES) pipeline.zrem(redisKey('listing', tenant, state), member)
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  }
}
