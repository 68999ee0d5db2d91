import { setTimeout as delay } from 'node:timers/promises'
import { connectStore, type Store } from '@agentfleet/adapters'
import { createClient, type Client, type ListQuery } from '@agentfleet/client'
import { TASK_STATES, type TaskRecord, type TaskState } from '@agentfleet/domain'
import type { Fleet } from '@agentfleet/local'
import { newTaskId } from '@agentfleet/protocol'
import { show, spreadOf } from '../figures.ts'
import { say } from '../command/flags.ts'
import { silentLog } from '../fleet/silent-log.ts'
import { inParallel } from '../memory/part.ts'

/** Searches in many stored tasks, and a cancel of very many tasks by filter. */

/** Milliseconds within which the first page of an indexed filter arrives. */
const FIRST_PAGE_MAX_MS = 200
const REQUESTS = 20
const AGENTS = ['writer', 'reviewer', 'planner', 'researcher'] as const
const CODES = ['timeout', 'llm-rejected'] as const
/** Records of one write. */
const STEP = 1_000
const HOUR_MS = 3_600_000
const BATCH = 500
const PARALLEL = 4
/** Tasks of one request of a cancel. */
const CANCELLED_AT_ONCE = 1_000
/** Redis follows the log within this, milliseconds. */
const SETTLED_WITHIN_MS = 120_000
const AGAIN_AFTER_MS = 500
const CANCEL_AGENT = 'assistant'
const CANCEL_METADATA = { proof: 'cancel' }

/** Fills Redis with records of ended and waiting tasks, and returns what is wrong with searches in them. */
export async function measureSearch(
  fleet: Fleet,
  { tenant, tasks }: { readonly tenant: string; readonly tasks: number },
): Promise<readonly string[]> {
  const client = createClient({ baseUrl: fleet.url })
  const store = await connectStore({ url: fleet.redisUrl, log: silentLog() })
  const wrong: string[] = []
  try {
    const known = await countsOf(client)
    const expected = await fill(store, tenant, tasks)
    for (const [state, count] of known) expected.set(state, (expected.get(state) ?? 0) + count)
    const counted = await countsOf(client)
    for (const state of TASK_STATES) {
      const [is, should] = [counted.get(state) ?? 0, expected.get(state) ?? 0]
      if (is !== should) wrong.push(`${is} tasks are counted as ${state}, not ${should}`)
    }
    say(`search: counts ${JSON.stringify(Object.fromEntries(counted))}`)
    const filters: Record<string, ListQuery> = {
      none: {},
      state: { state: ['failed'] },
      agent: { agent: 'reviewer' },
      'agent and state': { agent: 'reviewer', state: ['completed'] },
      'error code': { errorCode: 'timeout' },
      'time, oldest first': {
        createdAfter: new Date(Date.now() - HOUR_MS).toISOString(),
        order: 'oldest',
      },
    }
    for (const [name, query] of Object.entries(filters)) {
      const times: number[] = []
      for (let request = 0; request < REQUESTS; request += 1) {
        const startedAtMs = performance.now()
        const page = await client.list({ ...query, limit: 50 })
        times.push(performance.now() - startedAtMs)
        if (page.tasks.length === 0) wrong.push(`the filter "${name}" finds nothing`)
      }
      const { p50, max } = spreadOf(times)
      say(`search: first page by ${name}: p50 ${show(p50)} ms, slowest ${show(max)} ms`)
      if (max > FIRST_PAGE_MAX_MS) wrong.push(`the filter "${name}" took ${show(max)} ms`)
    }
    const startedAtMs = performance.now()
    await client.count({ groupBy: 'agent' })
    say(`search: count by agent: ${show(performance.now() - startedAtMs)} ms`)
    return wrong
  } finally {
    await store.close()
  }
}

/** Submits tasks that wait, cancels them by filter, does it again, and returns what is wrong. */
export async function measureCancel(fleet: Fleet, tasks: number): Promise<readonly string[]> {
  const client = createClient({ baseUrl: fleet.url })
  const task = { task: 'wait', model: 'echo', metadata: CANCEL_METADATA, delayMs: HOUR_MS }
  await inParallel(Math.ceil(tasks / BATCH), PARALLEL, async (at) => {
    const count = Math.min(BATCH, tasks - at * BATCH)
    await client.submitBatch(Array.from({ length: count }, () => task))
  })
  const filter = { agent: CANCEL_AGENT, state: ['waiting'] as const, metadata: CANCEL_METADATA }
  const waiting = await countWithin(client, 'waiting', tasks)
  const run = async (dryRun: boolean): Promise<number> => {
    let cancelled = 0
    let cursor: string | undefined
    do {
      const page = await client.cancelAll({
        ...filter,
        state: [...filter.state],
        dryRun,
        limit: CANCELLED_AT_ONCE,
        ...(cursor === undefined ? {} : { cursor }),
      })
      cancelled += dryRun ? page.matched : page.cancelled
      cursor = page.nextCursor
      const isFifth = cancelled % (tasks / 5) < CANCELLED_AT_ONCE
      if (!dryRun && cursor !== undefined && isFifth) say(`cancel: ${cancelled} cancelled so far`)
    } while (cursor !== undefined)
    return cancelled
  }
  const planned = await run(true)
  const startedAtMs = performance.now()
  const cancelled = await run(false)
  const seconds = (performance.now() - startedAtMs) / 1_000
  // Tasks whose end Redis does not have yet are cancelled again, which changes nothing.
  const again = await run(false)
  const ended = await countWithin(client, 'cancelled', tasks)
  say(
    `cancel: ${cancelled} tasks in ${show(seconds)} s (planned ${planned}); the same request again names ${again} of them`,
  )
  return [
    ...(waiting === tasks ? [] : [`${waiting} of ${tasks} tasks wait`]),
    ...(planned === tasks ? [] : [`the dry run found ${planned} of ${tasks} tasks`]),
    ...(cancelled === tasks ? [] : [`${cancelled} of ${tasks} tasks were cancelled`]),
    ...(ended === tasks ? [] : [`${ended} of ${tasks} tasks are cancelled`]),
  ]
}

/** Waits until so many tasks are in this state, and returns how many are. */
async function countWithin(client: Client, state: TaskState, tasks: number): Promise<number> {
  const deadline = performance.now() + SETTLED_WITHIN_MS
  for (;;) {
    const count = (await countsOf(client)).get(state) ?? 0
    if (count >= tasks || performance.now() > deadline) return count
    await delay(AGAIN_AFTER_MS)
  }
}

async function countsOf(client: Client): Promise<Map<TaskState, number>> {
  const { groups } = await client.count({ groupBy: 'state' })
  return new Map(groups.map(({ key, count }) => [key as TaskState, count]))
}

/** Writes the records as the coordinator does; returns how many there are by state. */
async function fill(store: Store, tenant: string, tasks: number): Promise<Map<TaskState, number>> {
  const states = new Map<TaskState, number>()
  const startedAtMs = performance.now()
  const nowMs = Date.now()
  for (let at = 0; at < tasks; at += STEP) {
    const records: TaskRecord[] = []
    for (let n = at; n < Math.min(tasks, at + STEP); n += 1) {
      const record = recordOf(tenant, n, nowMs - Math.floor(((tasks - n) / tasks) * 24 * HOUR_MS))
      states.set(record.state, (states.get(record.state) ?? 0) + 1)
      records.push(record)
    }
    await store.project(records, 24 * HOUR_MS)
  }
  const { bytes } = await store.fill()
  const seconds = (performance.now() - startedAtMs) / 1_000
  say(
    `search: ${tasks} records written in ${show(seconds)} s; Redis holds ${show(bytes / 2 ** 20)} MiB`,
  )
  return states
}

function recordOf(tenant: string, n: number, atMs: number): TaskRecord {
  const failed = n % 10 === 0
  return {
    taskId: newTaskId(atMs),
    tenant,
    spec: {
      task: `Summarize the tickets of customer ${n % 1_000} in five sentences.`,
      agent: AGENTS[n % AGENTS.length]!,
      model: 'echo',
      cpu: 'low',
      memory: 'low',
      priority: 'medium',
      timeoutMs: HOUR_MS,
      maxAttempts: 3,
    },
    specHash: 'x',
    state: failed ? 'failed' : 'completed',
    seq: n + 1,
    submittedSeq: n + 1,
    submittedAtMs: atMs,
    updatedAtMs: atMs + 1_000,
    attempt: 1,
    failures: 0,
    pauses: 0,
    approvals: [],
    children: [],
    calls: [],
    usage: { inputTokens: 800, outputTokens: 90, llmCalls: 1, costUsd: 0.0002 },
    ...(failed ? { error: { code: CODES[n % 20 === 0 ? 0 : 1]!, message: 'x' } } : {}),
  }
}
