import { connectStore } from '@agentfleet/adapters'
import { clientOf, inParallel, unlessAllCompleted, type Proof } from './part.ts'
import { silentLog } from '../fleet/silent-log.ts'

/** Large tasks that wait for the same moment, all begin then, and complete. */

/** Submissions under way at once. */
const PARALLEL = 8
/** The slowest rate of submissions of this size that the proof allows for, a second. */
const SUBMITTED_PER_SECOND = 30
/** Room before the moment at which all tasks begin, milliseconds. */
const ROOM_MS = 20_000
/** Within this all tasks run after that moment, for each task and for all, milliseconds. */
const RUN_WITHIN_MS = { each: 60, all: 120_000 }
/** The largest spec in Redis, bytes. */
const SPEC_MAX_BYTES = 8 * 1024

/** Proves that waiting tasks take no memory, and that all complete. */
export const provesWaiting: Proof = async (fleet, { tasks, kilobytes }, tell) => {
  const client = clientOf(fleet)
  const context = { text: 'c'.repeat(kilobytes * 1_000) }
  const beginsAtMs = Date.now() + ROOM_MS + (tasks * 1_000) / SUBMITTED_PER_SECOND
  const notBefore = new Date(beginsAtMs).toISOString()
  const taskIds: string[] = []
  await inParallel(tasks, PARALLEL, async (at) => {
    const task = { task: `t${at}`, model: 'echo', context, notBefore, timeoutMs: 3_600_000 }
    taskIds.push((await client.submit(task, { idempotencyKey: `waiting-${at}` })).id)
  })
  const earlyMs = beginsAtMs - Date.now()
  tell(`${tasks} tasks of ${kilobytes} kB wait; they begin in ${Math.round(earlyMs / 1_000)} s`)
  const wrong = earlyMs > 0 ? [] : ['the tasks began before all were submitted']
  wrong.push(...(await unlessSmallInRedis(fleet.redisUrl, taskIds)))
  const withinMs = Math.max(0, earlyMs) + RUN_WITHIN_MS.all + RUN_WITHIN_MS.each * tasks
  wrong.push(...(await unlessAllCompleted(client, taskIds, withinMs)))
  wrong.push(...(await unlessSmallInRedis(fleet.redisUrl, taskIds)))
  tell(`${taskIds.length} tasks have ended`)
  return wrong
}

/** Says which records in Redis hold a large spec. */
async function unlessSmallInRedis(url: string, taskIds: readonly string[]): Promise<string[]> {
  const store = await connectStore({ url, log: silentLog() })
  let large = 0
  for (const taskId of taskIds) {
    const spec = (await store.load(taskId))?.spec
    if (Buffer.byteLength(JSON.stringify(spec ?? '')) > SPEC_MAX_BYTES) large += 1
  }
  await store.close()
  return large === 0 ? [] : [`Redis holds ${large} specs above ${SPEC_MAX_BYTES} bytes`]
}
