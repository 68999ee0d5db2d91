import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { decideShare } from '@agentfleet/domain'
import { jsonProblem, RESPONSE_SCHEMA_LIMITS } from '@agentfleet/protocol'
import type { CheckedAnswer, CheckJob, CheckOutcome } from './compiled-schema.ts'
import { dialectOf, type JsonSchema } from './dialect.ts'
import { EXPANDED_MAX, expandedSize } from './expansion.ts'

/**
 * Checks answers against schemas of users, in a separate thread, with a deadline for each check.
 *
 * States of the thread: none → starting → idle ⇄ at work; it ends when a check overruns its deadline or its
 * memory, and the next check starts another thread. Invariants: the work of the caller's event loop is
 * proportional to the size of the schema; one check runs at a time, further checks of a tenant wait in order, and
 * tenants take turns (L7); a schema that once cost too much is not tried again while it is remembered.
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

/** The waiting checks of one tenant, and the characters of their schemas and answers. */
interface Queue {
  readonly checks: Waiting[]
  chars: number
}

interface Waiting {
  readonly job: CheckJob
  settle(checked: CheckOutcome | Extract<SchemaCheck, { readonly kind: 'busy' }>): void
}

/** Even on a busy machine, compiling the largest schema takes a tenth of this, milliseconds. */
const JOB_DEADLINE_MS = 3_000
/** The thread loads its validator within a second, and in several seconds under load, milliseconds. */
const START_DEADLINE_MS = 20_000
/** Memory of the thread, MB: a flood of problems ends the thread before it ends the process. */
const HEAP_MAX_MB = 256
/** Checks that may wait for the thread, and the characters of their schemas and answers; one tenant gets half. */
const WAITING_MAX = 2_000
const WAITING_MAX_CHARS = 64 * 1024 * 1024
/** Results for schemas that are remembered. */
const REMEMBERED_MAX = 1_000
/** The same path from `src` and from `dist`: threads run compiled code. */
const THREAD = new URL('../dist/check-thread.js', import.meta.url)

/** Creates checks; the first check starts the thread. */
export function createAnswerChecks(options: { jobDeadlineMs?: number } = {}): AnswerChecks {
  const { jobDeadlineMs = JOB_DEADLINE_MS } = options
  // In order of use: the schema unused for longest is forgotten first.
  const remembered = new Map<string, SchemaCheck>()
  // The queue of the tenant whose turn is next comes first; no queue is empty.
  const queues = new Map<string, Queue>()
  let current: Waiting | undefined
  let thread: Worker | undefined
  let ready = false
  let timer: NodeJS.Timeout | undefined

  const remember = (schema: string, checked: SchemaCheck): void => {
    const key = digestOf(schema)
    remembered.delete(key)
    remembered.set(key, checked)
    const [oldest] = remembered.keys()
    if (remembered.size > REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest)
  }

  const settle = (outcome: Parameters<Waiting['settle']>[0]): void => {
    clearTimeout(timer)
    const done = current
    current = undefined
    done?.settle(outcome)
  }

  const end = (outcome: Parameters<Waiting['settle']>[0]): void => {
    const old = thread
    thread = undefined
    ready = false
    old?.removeAllListeners()
    // The thread takes a moment to end; until then it may still report that it ran out of memory.
    old?.on('error', () => undefined)
    void old?.terminate()
    settle(outcome)
    next()
  }

  const tooCostly = (): void =>
    end({ kind: 'too-costly', problem: `costs more than ${jobDeadlineMs} ms or ${HEAP_MAX_MB} MB` })

  const start = (): void => {
    const started = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB } })
    // An idle thread does not keep the process alive.
    started.unref()
    started.on('message', (message: CheckOutcome | 'ready') => {
      if (message === 'ready') {
        ready = true
        clearTimeout(timer)
        post()
      } else {
        settle(message)
        next()
      }
    })
    started.on('error', (error) => {
      if (ready) tooCostly()
      else end({ kind: 'busy', problem: `cannot be checked now: ${error.message}` })
    })
    timer = setTimeout(
      () =>
        end({
          kind: 'busy',
          problem: 'cannot be checked now, because the thread of the check does not start',
        }),
      START_DEADLINE_MS,
    )
    thread = started
  }

  const post = (): void => {
    if (current === undefined) return
    timer = setTimeout(tooCostly, jobDeadlineMs)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    thread?.postMessage(current.job)
  }

  const next = (): void => {
    if (current !== undefined) return
    const [first] = queues
    if (first === undefined) return
    const [tenant, queue] = first
    current = queue.checks.shift()
    if (current === undefined) return
    queue.chars -= charsOf(current.job)
    queues.delete(tenant)
    if (queue.checks.length > 0) queues.set(tenant, queue)
    if (thread === undefined) start()
    else if (ready) post()
  }

  /** Whether the tenant leaves room for the checks of other tenants. */
  const hasRoom = (queue: Queue, chars: number): boolean => {
    const all = [...queues.values()]
    const used = all.reduce((sum, each) => sum + each.checks.length, 0)
    const usedChars = all.reduce((sum, each) => sum + each.chars, 0)
    const asks = [
      { capacity: WAITING_MAX, used, own: queue.checks.length, ask: 1 },
      { capacity: WAITING_MAX_CHARS, used: usedChars, own: queue.chars, ask: chars },
    ]
    return asks.every((ask) => decideShare({ ...ask, tenants: 2 }).kind === 'take')
  }

  const run = (job: CheckJob, tenant: string): Promise<Parameters<Waiting['settle']>[0]> =>
    new Promise((resolve) => {
      const chars = charsOf(job)
      const queue = queues.get(tenant) ?? { checks: [], chars: 0 }
      if (!hasRoom(queue, chars)) {
        resolve({
          kind: 'busy',
          problem: 'cannot be checked now, because too many other checks wait',
        })
        return
      }
      queue.checks.push({ job, settle: resolve })
      queue.chars += chars
      queues.set(tenant, queue)
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
