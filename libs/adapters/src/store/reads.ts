import { previewOf, type TaskPreview, type TaskRecord } from '@agentfleet/domain'
import { createSlices, type Logger } from '@agentfleet/runtime'
import type { Redis } from 'ioredis'
import { redisKey } from './redis-keys.ts'
import { HEAD_BYTES, previewIn, readRecord } from './stored-record.ts'

/** A preview holds 8 kB of metadata and 8 kB of arguments of a call that waits for approval, bytes. */
const LONG_HEAD_BYTES = 4 * HEAD_BYTES
/** Long previews read together: at most 2 MB. */
const LONG_AT_ONCE = 64

/**
 * Reads the records of tasks, and their beginnings alone. Invariant (L7): a list holds at most LONG_AT_ONCE long
 * previews or one whole record at the same time, in addition to its result, and other work of the process runs between them.
 */
export function createReads(redis: Redis, log: Logger) {
  const load = async (taskId: string): Promise<TaskRecord | undefined> => {
    // The Redis users of the services may use MGET, and not GET.
    const [text] = await redis.mget(redisKey('task', taskId))
    return typeof text === 'string' ? readRecord(text, log) : undefined
  }

  /** Reads so many bytes of each; returns those whose preview needs more of them, or the whole record. */
  async function readHeads(
    ids: readonly string[],
    bytes: number,
    found: Map<string, TaskPreview>,
  ): Promise<string[]> {
    const texts = ids.map((id) => redis.getrange(redisKey('task', id), 0, bytes - 1))
    const heads = await Promise.all(texts)
    const unread: string[] = []
    const pause = createSlices()
    for (const [index, head] of heads.entries()) {
      const id = ids[index] ?? ''
      const preview = previewIn(head, bytes, log)
      if (preview !== undefined) found.set(id, preview)
      else if (head !== '') unread.push(id)
      await pause()
    }
    return unread
  }

  return {
    load,
    /** What lists show of these tasks, in the order of the ids. */
    async previews(taskIds: readonly string[]): Promise<(TaskPreview | undefined)[]> {
      const found = new Map<string, TaskPreview>()
      const long = await readHeads(taskIds, HEAD_BYTES, found)
      for (let start = 0; start < long.length; start += LONG_AT_ONCE) {
        const group = long.slice(start, start + LONG_AT_ONCE)
        // Records of older releases have no preview, or one that holds less.
        for (const id of await readHeads(group, LONG_HEAD_BYTES, found)) {
          const record = await load(id)
          if (record !== undefined) found.set(id, previewOf(record))
        }
      }
      return taskIds.map((id) => found.get(id))
    },
  }
}
