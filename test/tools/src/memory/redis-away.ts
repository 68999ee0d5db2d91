import { setTimeout as delay } from 'node:timers/promises'
import { connectStore } from '@agentfleet/adapters'
import { clientOf, unlessAllCompleted, type Proof } from './part.ts'
import { silentLog } from '../fleet/silent-log.ts'

/** Tasks with large results while Redis is frozen; afterwards Redis has all of them. */

/** The result of a task, which the model `echo` repeats, characters. */
const RESULT_CHARS = 10_000
/** Submissions of one request: so many leave each tenth of a second at 500 a second. */
const BURSTS_PER_SECOND = 10
/** Within this all tasks have ended and are in Redis, milliseconds. */
const AFTERWARDS_WITHIN_MS = 300_000
const AGAIN_AFTER_MS = 1_000
/** Records that are read from Redis at once. */
const PAGE = 200
/** Tasks that are read through the API. */
const READ_MAX = 2_000

/** Proves that what waits for Redis is bounded, and is there afterwards. */
export const provesRedisAway: Proof = async (fleet, { seconds, rate }, tell) => {
  const client = clientOf(fleet)
  const result = 'r'.repeat(RESULT_CHARS)
  const taskIds: string[] = []
  const wrong: string[] = []
  let refused = 0
  const submit = async (count: number): Promise<void> => {
    const task = { task: result, model: 'echo', timeoutMs: 3_600_000 }
    const answer = await client
      .submitBatch(Array.from({ length: count }, () => task))
      .catch(() => undefined)
    for (const { taskId } of answer ?? []) if (taskId !== undefined) taskIds.push(taskId)
    refused += count - (answer?.filter(({ taskId }) => taskId !== undefined).length ?? 0)
  }
  fleet.redis.kill('SIGSTOP')
  const beganMs = performance.now()
  const open = new Set<Promise<void>>()
  try {
    for (let burst = 1; burst <= seconds * BURSTS_PER_SECOND; burst += 1) {
      const request = submit(Math.round(rate / BURSTS_PER_SECOND))
      open.add(request)
      void request.finally(() => open.delete(request))
      const nextMs = beganMs + (burst * 1_000) / BURSTS_PER_SECOND
      await delay(Math.max(0, nextMs - performance.now()))
    }
    await Promise.all(open)
  } finally {
    fleet.redis.kill('SIGCONT')
  }
  tell(
    `${taskIds.length} tasks submitted without Redis in ${Math.round((performance.now() - beganMs) / 1_000)} s, ${refused} refused`,
  )
  if (refused > 0) wrong.push(`${refused} tasks were refused`)
  const backMs = performance.now()
  const missing = await missingIn(fleet.redisUrl, taskIds)
  if (missing > 0) wrong.push(`Redis does not show the end of ${missing} tasks`)
  const caughtUpS = Math.round((performance.now() - backMs) / 1_000)
  tell(`${caughtUpS} s after Redis was back, it shows the end of ${taskIds.length - missing} tasks`)
  // Each read through the API costs milliseconds, so the API shows some tasks and counts all.
  const every = Math.ceil(taskIds.length / READ_MAX)
  const some = taskIds.filter((_, at) => at % every === 0)
  wrong.push(...(await unlessAllCompleted(client, some, AFTERWARDS_WITHIN_MS)))
  const { groups } = await client.count({ groupBy: 'state' })
  const shown = JSON.stringify(Object.fromEntries(groups.map(({ key, count }) => [key, count])))
  if (shown !== JSON.stringify({ completed: taskIds.length })) wrong.push(`the API counts ${shown}`)
  return wrong
}

/** Waits until Redis shows the end of every task; returns how many it does not show. */
async function missingIn(url: string, taskIds: readonly string[]): Promise<number> {
  const store = await connectStore({ url, log: silentLog() })
  const deadline = performance.now() + AFTERWARDS_WITHIN_MS
  let missing = taskIds
  for (;;) {
    const left: string[] = []
    let start = 0
    for (let ended = 1; ended > 0 && start < missing.length; start += PAGE) {
      const page = missing.slice(start, start + PAGE)
      const tasks = await store.previews(page).catch(() => [])
      const completed = tasks.filter((task) => task?.state === 'completed')
      const there = new Set(completed.map((task) => task?.taskId))
      left.push(...page.filter((taskId) => !there.has(taskId)))
      // A rebuild writes the tasks in the order of their submission, so later ones are missing too.
      ended = there.size
    }
    missing = [...left, ...missing.slice(start)]
    if (missing.length === 0 || performance.now() > deadline) break
    await delay(AGAIN_AFTER_MS)
  }
  await store.close()
  return missing.length
}
