import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { jsonProblem, RESPONSE_SCHEMA_LIMITS } from '@agentfleet/protocol'
import type { CheckedAnswer, CheckJob, CheckOutcome } from './compiled-schema.ts'
import { dialectOf, type JsonSchema } from './dialect.ts'
import { EXPANDED_MAX, expandedSize } from './expansion.ts'

/**
 * Checks of answers against schemas of users, in a thread of their own with a deadline for each.
 *
 * States of the thread: none → starting → idle ⇄ at work; it ends when a check overruns its deadline or
 * its memory, and the next check starts another one. Invariants: the caller's event loop does work in
 * proportion to the size of the schema and no more; one check runs at a time, the others wait in
 * order; a schema that cost too much once is not tried again while it is remembered.
 */
export interface AnswerChecks {
  /** Whether answers can be checked by this schema. */
  checkSchema(schema: JsonSchema): Promise<SchemaCheck>
  /** What the text of an answer is worth. */
  check(schema: JsonSchema, answer: string): Promise<AnswerCheck>
}

/** Whether a schema can be used; each problem reads as the rest of a sentence about the schema. */
export type SchemaCheck =
  | { readonly kind: 'ok' }
  /** It names a version of JSON schema that is not understood. */
  | { readonly kind: 'unknown-dialect'; readonly problem: string }
  | { readonly kind: 'bad-schema'; readonly problem: string }
  | { readonly kind: 'too-costly'; readonly problem: string }
  /** Too many checks wait already, or the thread does not start: nothing is known of the schema. */
  | { readonly kind: 'busy'; readonly problem: string }

/** What an answer is worth, or why that cannot be told. */
export type AnswerCheck = CheckedAnswer | Exclude<SchemaCheck, { readonly kind: 'ok' }>

interface Waiting {
  readonly job: CheckJob
  settle(checked: CheckOutcome | Extract<SchemaCheck, { readonly kind: 'busy' }>): void
}

/** A schema of the largest size is compiled in a tenth of it on a busy machine, milliseconds. */
const JOB_DEADLINE_MS = 3_000
/** The thread loads its validator within a second; a machine under load takes a while, milliseconds. */
const START_DEADLINE_MS = 20_000
/** Memory of the thread, MB: an explosion of problems ends the thread before it ends the process. */
const HEAP_MAX_MB = 256
/** Checks that wait for the thread. */
const WAITING_MAX = 1_000
/** Verdicts on schemas that are remembered. */
const REMEMBERED_MAX = 1_000
/** The same place beside `src` and inside `dist`: threads run what is compiled. */
const THREAD = new URL('../dist/check-thread.js', import.meta.url)

/** Checks without a thread so far. */
export function createAnswerChecks(options: { jobDeadlineMs?: number } = {}): AnswerChecks {
  const { jobDeadlineMs = JOB_DEADLINE_MS } = options
  // Insertion order: the checked that was used longest ago is forgotten first.
  const remembered = new Map<string, SchemaCheck>()
  const waiting: Waiting[] = []
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
    // Its end takes a moment, in which it may still say that it ran out of memory.
    old?.on('error', () => undefined)
    void old?.terminate()
    settle(outcome)
    next()
  }

  const tooCostly = (): void =>
    end({ kind: 'too-costly', problem: `costs more than ${jobDeadlineMs} ms or ${HEAP_MAX_MB} MB` })

  const start = (): void => {
    const started = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB } })
    // An idle thread holds no process up.
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
      () => end({ kind: 'busy', problem: 'cannot be checked now: no thread starts' }),
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
    current = waiting.shift()
    if (current === undefined) return
    if (thread === undefined) start()
    else if (ready) post()
  }

  const run = (job: CheckJob): Promise<Parameters<Waiting['settle']>[0]> =>
    new Promise((resolve) => {
      if (waiting.length >= WAITING_MAX) {
        resolve({ kind: 'busy', problem: 'cannot be checked now: too many others wait' })
        return
      }
      waiting.push({ job, settle: resolve })
      next()
    })

  const known = (text: string, schema: JsonSchema): SchemaCheck | undefined => {
    const checked = remembered.get(digestOf(text)) ?? problemOf(schema)
    if (checked !== undefined) remember(text, checked)
    return checked
  }

  return {
    async checkSchema(schema) {
      const problem = jsonProblem(schema, RESPONSE_SCHEMA_LIMITS)
      if (problem !== undefined) return { kind: 'bad-schema', problem }
      const text = JSON.stringify(schema)
      const checked = known(text, schema)
      if (checked !== undefined) return checked
      const outcome = await run({ schema: text })
      if (outcome.kind === 'valid' || outcome.kind === 'invalid') return { kind: 'ok' }
      if (outcome.kind !== 'busy') remember(text, outcome)
      return outcome
    },
    async check(schema, answer) {
      const text = JSON.stringify(schema)
      const checked = known(text, schema)
      if (checked !== undefined && checked.kind !== 'ok') return checked
      const outcome = await run({ schema: text, answer })
      if (outcome.kind === 'too-costly') remember(text, outcome)
      if (outcome.kind === 'ok') throw new Error('the thread judged no answer')
      return outcome
    },
  }
}

/** Schemas may be long, and many are remembered. */
function digestOf(schema: string): string {
  return createHash('sha256').update(schema).digest('base64')
}

/** What shows without a thread. */
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
    problem: `stands for more than ${EXPANDED_MAX} places once its references are followed; let definitions refer to each other less often`,
  }
}
