import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { createTurnQueue, decideShare } from '@agentfleet/domain'
import { jsonProblem, RESPONSE_SCHEMA_LIMITS } from '@agentfleet/protocol'
import type { CheckedAnswer, CheckJob, CheckOutcome } from './compiled-schema.ts'
import { dialectOf, type JsonSchema } from './dialect.ts'
import { EXPANDED_MAX, expandedSize } from './expansion.ts'

/**
 * Checks answers against schemas of users, in separate threads, with a deadline for each check.
 *
 * States of a thread: none → starting → idle ⇄ at work; it ends when a check overruns its deadline or its
 * memory, and the next check starts another thread. Invariants: the work of the caller's event loop is
 * proportional to the size of the schema; of a tenant one check runs at a time, its further checks wait in order,
 * and tenants take turns (L7), so a costly check of one tenant leaves a thread to the others; a schema that once
 * cost too much is not tried again while it is remembered.
 */
export interface AnswerChecks {
  /** Whether a schema can be used to check answers. */
  checkSchema(schema: JsonSchema, tenant: string): Promise<SchemaCheck>
  /** Whether the text of an answer satisfies a schema. */
  check(schema: JsonSchema, answer: string, tenant: string): Promise<AnswerCheck>
}

/** Whether a schema can be used; each problem reads as the rest of a sentence about the schema. */
export type SchemaCheck =
  | { readonly kind: 'ok' }
  /** The schema names an unknown version of JSON schema. */
  | { readonly kind: 'unknown-dialect'; readonly problem: string }
  | { readonly kind: 'bad-schema'; readonly problem: string }
  | { readonly kind: 'too-costly'; readonly problem: string }
  /** Too many checks wait already, or the thread does not start: the schema was not checked. */
  | { readonly kind: 'busy'; readonly problem: string }

/** The value of an answer or its problems, or why it cannot be checked. */
export type AnswerCheck = CheckedAnswer | Exclude<SchemaCheck, { readonly kind: 'ok' }>

interface Waiting {
  readonly job: CheckJob
  settle(checked: Settled): void
}

type Settled = CheckOutcome | Extract<SchemaCheck, { readonly kind: 'busy' }>

interface Thread {
  readonly worker: Worker
  ready: boolean
  /** The check at work, and its tenant. */
  current: { readonly owner: string; readonly entry: Waiting } | undefined
  /** The deadline of the start or of the check. */
  timer: NodeJS.Timeout | undefined
}

/** Even on a busy machine, compiling the largest schema takes a tenth of this, milliseconds. */
const JOB_DEADLINE_MS = 3_000
/** The thread loads its validator within a second, and in several seconds under load, milliseconds. */
const START_DEADLINE_MS = 20_000
/** The second thread starts once two tenants need one at the same time. */
const THREADS_MAX = 2
/** Memory of a thread, MB: a flood of problems ends the thread before it ends the process. */
const HEAP_MAX_MB = 256
/** Checks that may wait for a thread, and the characters of their schemas and answers; one tenant gets half. */
const WAITING_MAX = 2_000
const WAITING_MAX_CHARS = 64 * 1024 * 1024
/** Results for schemas that are remembered. */
const REMEMBERED_MAX = 1_000
/** The same path from `src` and from `dist`: threads run compiled code. */
const THREAD = new URL('../dist/check-thread.js', import.meta.url)

/** Creates checks; the first check starts a thread. */
export function createAnswerChecks(options: { jobDeadlineMs?: number } = {}): AnswerChecks {
  const { jobDeadlineMs = JOB_DEADLINE_MS } = options
  // In order of use: the schema unused for longest is forgotten first.
  const remembered = new Map<string, SchemaCheck>()
  const waiting = createTurnQueue<Waiting>()
  /** The characters of the waiting checks, by tenant. */
  const chars = new Map<string, number>()
  const threads = new Set<Thread>()

  const remember = (schema: string, checked: SchemaCheck): void => {
    const key = digestOf(schema)
    remembered.delete(key)
    remembered.set(key, checked)
    const [oldest] = remembered.keys()
    if (remembered.size > REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest)
  }

  const settle = (thread: Thread, outcome: Settled): void => {
    clearTimeout(thread.timer)
    const done = thread.current?.entry
    thread.current = undefined
    done?.settle(outcome)
  }

  const end = (thread: Thread, outcome: Settled): void => {
    const { worker, ready } = thread
    threads.delete(thread)
    worker.removeAllListeners()
    // The thread takes a moment to end; until then it may still report that it ran out of memory.
    worker.on('error', () => undefined)
    void worker.terminate()
    settle(thread, outcome)
    // If no thread is left, settles the next check now: it would otherwise wait for a thread that does not start.
    if (!ready && threads.size === 0) take()?.entry.settle(outcome)
    if (ready || threads.size === 0) next()
  }

  const tooCostly = (thread: Thread): void =>
    end(thread, {
      kind: 'too-costly',
      problem: `costs more than ${jobDeadlineMs} ms or ${HEAP_MAX_MB} MB`,
    })

  const start = (): void => {
    const worker = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB } })
    const thread: Thread = { worker, ready: false, current: undefined, timer: undefined }
    const unstarted = (why: string): void =>
      end(thread, { kind: 'busy', problem: `cannot be checked now${why}` })
    // An idle thread does not keep the process alive.
    worker.unref()
    worker.on('message', (message: CheckOutcome | 'ready') => {
      if (message !== 'ready') settle(thread, message)
      clearTimeout(thread.timer)
      thread.ready = true
      next()
    })
    worker.on('error', (error) => {
      if (thread.ready) tooCostly(thread)
      else unstarted(`: ${error.message}`)
    })
    thread.timer = setTimeout(
      unstarted,
      START_DEADLINE_MS,
      ', because the thread of the check does not start',
    )
    threads.add(thread)
  }

  const isServed = (tenant: string): boolean =>
    [...threads].some(({ current }) => current?.owner === tenant)

  /** Takes the next check of a tenant that has none at work. */
  const take = (): Thread['current'] => {
    const taken = waiting.take((tenant) => !isServed(tenant))
    if (taken === undefined) return undefined
    const { owner, entry } = taken
    const left = (chars.get(owner) ?? 0) - charsOf(entry.job)
    if (left > 0) chars.set(owner, left)
    else chars.delete(owner)
    return taken
  }

  const next = (): void => {
    for (const thread of threads) {
      if (!thread.ready || thread.current !== undefined) continue
      thread.current = take()
      if (thread.current === undefined) return
      thread.timer = setTimeout(tooCostly, jobDeadlineMs, thread)
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      thread.worker.postMessage(thread.current.entry.job)
    }
    const all = [...threads]
    if (all.length >= THREADS_MAX || all.some(({ ready }) => !ready)) return
    const later = all.reduce((sum, { current }) => sum + waiting.sizeOf(current?.owner ?? ''), 0)
    if (waiting.size() > later) start()
  }

  /** Whether the tenant leaves room for the checks of other tenants. */
  const hasRoom = (tenant: string, ask: number): boolean => {
    const usedChars = [...chars.values()].reduce((sum, each) => sum + each, 0)
    const asks = [
      { capacity: WAITING_MAX, used: waiting.size(), own: waiting.sizeOf(tenant), ask: 1 },
      { capacity: WAITING_MAX_CHARS, used: usedChars, own: chars.get(tenant) ?? 0, ask },
    ]
    return asks.every((each) => decideShare({ ...each, tenants: 2 }).kind === 'take')
  }

  const run = (job: CheckJob, tenant: string): Promise<Settled> =>
    new Promise((resolve) => {
      const ask = charsOf(job)
      if (!hasRoom(tenant, ask)) {
        resolve({
          kind: 'busy',
          problem: 'cannot be checked now, because too many other checks wait',
        })
        return
      }
      waiting.add(tenant, { job, settle: resolve })
      chars.set(tenant, (chars.get(tenant) ?? 0) + ask)
      next()
    })

  const known = (text: string, schema: JsonSchema): SchemaCheck | undefined => {
    const checked = remembered.get(digestOf(text)) ?? problemOf(schema)
    if (checked !== undefined) remember(text, checked)
    return checked
  }

  return {
    async checkSchema(schema, tenant) {
      const problem = jsonProblem(schema, RESPONSE_SCHEMA_LIMITS)
      if (problem !== undefined) return { kind: 'bad-schema', problem }
      const text = JSON.stringify(schema)
      const checked = known(text, schema)
      if (checked !== undefined) return checked
      const outcome = await run({ schema: text }, tenant)
      if (outcome.kind === 'valid' || outcome.kind === 'invalid') return { kind: 'ok' }
      if (outcome.kind !== 'busy') remember(text, outcome)
      return outcome
    },
    async check(schema, answer, tenant) {
      const text = JSON.stringify(schema)
      const checked = known(text, schema)
      if (checked !== undefined && checked.kind !== 'ok') return checked
      const outcome = await run({ schema: text, answer }, tenant)
      if (outcome.kind === 'too-costly') remember(text, outcome)
      if (outcome.kind === 'ok') throw new Error('the thread did not check the answer')
      return outcome
    },
  }
}

function charsOf({ schema, answer = '' }: CheckJob): number {
  return schema.length + answer.length
}

/** Keys are digests, since schemas may be long and many are remembered. */
function digestOf(schema: string): string {
  return createHash('sha256').update(schema).digest('base64')
}

/** Problems that are visible without the thread. */
function problemOf(schema: JsonSchema): SchemaCheck | undefined {
  if (dialectOf(schema) === undefined) {
    return {
      kind: 'unknown-dialect',
      problem: 'must name JSON schema 2020-12 or draft-07 as its $schema, or none',
    }
  }
  if (expandedSize(schema) <= EXPANDED_MAX) return undefined
  return {
    kind: 'too-costly',
    problem: `expands to more than ${EXPANDED_MAX} parts when its references are followed; let definitions refer to each other less often`,
  }
}
