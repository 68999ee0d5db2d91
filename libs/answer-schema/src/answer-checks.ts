import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { createOwnedCache, createTurnQueue, decideShare, type OwnedCache } from '@agentfleet/domain'
import { jsonProblem, RESPONSE_SCHEMA_LIMITS } from '@agentfleet/protocol'
import type { CheckedAnswer, CheckJob, CheckOutcome } from './compiled-schema.ts'
import { dialectOf, type JsonSchema } from './dialect.ts'
import { EXPANDED_MAX, expandedSize } from './expansion.ts'

/**
 * Checks answers against schemas of users, in separate threads, with a deadline for each check.
 *
 * States of a thread: none → starting → idle ⇄ at work; it ends when a check overruns its deadline or its
 * memory, and another thread replaces it. Invariants: the work of the caller's event loop is
 * proportional to the size of the schema; of a tenant one check runs at a time, its further checks wait in order,
 * and tenants take turns (L7), so a costly check of one tenant leaves a thread to the others, also while the thread
 * that it ended is replaced; a schema costs too much only if it overran a thread that had checked nothing
 * before, because the memory of another thread may be full of other tenants' schemas; a schema that once
 * cost too much is not tried again while it is remembered, and a tenant's many schemas leave the results of the others
 * remembered.
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
  readonly job: Pick<CheckJob, 'schema' | 'answer'>
  /** Names the schema. */
  readonly digest: string
  settle(checked: Settled): void
}

type Settled = CheckOutcome | Extract<SchemaCheck, { readonly kind: 'busy' }>

interface Thread {
  readonly worker: Worker
  ready: boolean
  /** The numbers of the schemas that it keeps compiled. */
  readonly kept: OwnedCache<number>
  /** Whether it has finished no check. */
  fresh: boolean
  /** Until it is ready: the tenant that ended the thread which it replaces, and the check that is repeated. */
  current: Work | undefined
  /** The deadline of the start or of the check. */
  timer: NodeJS.Timeout | undefined
}

/** The check at work, and its tenant. */
interface Work {
  readonly owner: string
  readonly entry: Waiting | undefined
}

/** Compiling the largest schema takes a tenth of this, milliseconds of processor time. */
const JOB_DEADLINE_MS = 3_000
/** On a machine without free processor time a check may take so many times its deadline. */
const STARVED_FACTOR = 3
/** The thread loads its validator within a second, and in several seconds under load, milliseconds. */
const START_DEADLINE_MS = 20_000
/** The second thread starts once two tenants need one at the same time. */
const THREADS_MAX = 2
/** Memory of a thread, MB: a flood of problems ends the thread before it ends the process. */
const HEAP_MAX_MB = 256
/** Checks that may wait for a thread, and the characters of their schemas and answers; one tenant gets half. */
const WAITING_MAX = 2_000
const WAITING_MAX_CHARS = 64 * 1024 * 1024
/** Results for schemas that are remembered, all of about the same size. */
const REMEMBERED_MAX = 1_000
/** Schemas that a thread keeps compiled: about as many as a node's agents have. */
const KEPT_MAX = 64
/**
 * Characters of these schemas. A usual schema takes 50 bytes a character when it is compiled, and one full of patterns
 * 250, so they take a quarter of the memory of a thread.
 */
const KEPT_MAX_CHARS = 256 * 1024
/** The same path from `src` and from `dist`: threads run compiled code. */
const THREAD = new URL('../dist/check-thread.js', import.meta.url)

/** Creates checks; the first check starts a thread. */
export function createAnswerChecks(
  options: { jobDeadlineMs?: number; heapMaxMb?: number } = {},
): AnswerChecks {
  const { jobDeadlineMs = JOB_DEADLINE_MS, heapMaxMb = HEAP_MAX_MB } = options
  const remembered = createOwnedCache<SchemaCheck>({
    entriesMax: REMEMBERED_MAX,
    sizeMax: REMEMBERED_MAX,
  })
  const waiting = createTurnQueue<Waiting>()
  /** The characters of the waiting checks, by tenant. */
  const chars = new Map<string, number>()
  const threads = new Set<Thread>()
  /** Numbers given to schemas until now. */
  let schemas = 0

  const settle = (thread: Thread, outcome: Settled): void => {
    clearTimeout(thread.timer)
    const done = thread.current?.entry
    thread.current = undefined
    thread.fresh = false
    done?.settle(outcome)
  }

  const remove = (thread: Thread): void => {
    const { worker } = thread
    clearTimeout(thread.timer)
    threads.delete(thread)
    worker.removeAllListeners()
    // The thread takes a moment to end; until then it may still report that it ran out of memory.
    worker.on('error', () => undefined)
    void worker.terminate()
  }

  const unstarted = (thread: Thread, why: string): void => {
    const outcome = { kind: 'busy', problem: `cannot be checked now${why}` } as const
    remove(thread)
    settle(thread, outcome)
    if (threads.size > 0) return
    // No thread is left. Settles the next check now: it would otherwise wait for a thread that does not start.
    take()?.entry?.settle(outcome)
    next()
  }

  const overrun = (thread: Thread): void => {
    const { current, fresh } = thread
    remove(thread)
    // What the thread kept for other schemas may have filled its memory.
    const again = fresh ? undefined : current?.entry
    // The tenant keeps its place, so that it does not take the other thread while this one is replaced.
    if (current !== undefined) start({ owner: current.owner, entry: again })
    if (again === undefined) {
      settle(thread, {
        kind: 'too-costly',
        problem: `costs more than ${jobDeadlineMs} ms or ${heapMaxMb} MB`,
      })
    }
    next()
  }

  const start = (current?: Work): void => {
    const worker = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: heapMaxMb } })
    // A tenant with hundreds of schemas leaves those of other tenants compiled.
    const kept = createOwnedCache<number>({ entriesMax: KEPT_MAX, sizeMax: KEPT_MAX_CHARS })
    const thread: Thread = { worker, ready: false, kept, fresh: true, current, timer: undefined }
    // An idle thread does not keep the process alive.
    worker.unref()
    worker.on('message', (message: CheckOutcome | 'ready') => {
      clearTimeout(thread.timer)
      if (message !== 'ready') settle(thread, message)
      else {
        thread.ready = true
        const { owner, entry } = thread.current ?? {}
        if (owner === undefined || entry === undefined) thread.current = undefined
        else work(thread, owner, entry)
      }
      next()
    })
    worker.on('error', (error) => {
      if (thread.ready) overrun(thread)
      else unstarted(thread, `: ${error.message}`)
    })
    thread.timer = setTimeout(
      unstarted,
      START_DEADLINE_MS,
      thread,
      ', because the thread of the check does not start',
    )
    threads.add(thread)
  }

  const work = (thread: Thread, tenant: string, { job, digest }: Waiting): void => {
    const startedMs = performance.now()
    const usedBeforeMs = processorMs()
    /** A thread has had at most the processor time of the whole process. */
    const look = (): void => {
      const leftMs = jobDeadlineMs - (processorMs() - usedBeforeMs)
      const starvedMs = STARVED_FACTOR * jobDeadlineMs - (performance.now() - startedMs)
      if (leftMs <= 0 || starvedMs <= 0) overrun(thread)
      else thread.timer = setTimeout(look, Math.ceil(Math.min(leftMs, starvedMs)))
    }
    thread.timer = setTimeout(look, jobDeadlineMs)
    const known = thread.kept.get(tenant, digest)
    const id = known ?? (schemas += 1)
    const forget = known === undefined ? thread.kept.set(tenant, digest, id, job.schema.length) : []
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    thread.worker.postMessage({ ...job, id, forget } satisfies CheckJob)
  }

  const isServed = (tenant: string): boolean =>
    [...threads].some(({ current }) => current?.owner === tenant)

  /** Takes the next check of a tenant that has none at work. */
  const take = () => {
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
      const taken = take()
      if (taken === undefined) return
      thread.current = taken
      work(thread, taken.owner, taken.entry)
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

  const run = (tenant: string, digest: string, schema: string, answer?: string): Promise<Settled> =>
    new Promise((resolve) => {
      const job = { schema, ...(answer === undefined ? {} : { answer }) }
      const ask = charsOf(job)
      if (!hasRoom(tenant, ask)) {
        resolve({
          kind: 'busy',
          problem: 'cannot be checked now, because too many other checks wait',
        })
        return
      }
      waiting.add(tenant, { job, digest, settle: resolve })
      chars.set(tenant, (chars.get(tenant) ?? 0) + ask)
      next()
    })

  const remember = (tenant: string, digest: string, checked: SchemaCheck): void => {
    remembered.set(tenant, digest, checked, 1)
  }

  const known = (tenant: string, digest: string, schema: JsonSchema): SchemaCheck | undefined => {
    const before = remembered.get(tenant, digest)
    if (before !== undefined) return before
    const checked = problemOf(schema)
    if (checked !== undefined) remember(tenant, digest, checked)
    return checked
  }

  return {
    async checkSchema(schema, tenant) {
      const problem = jsonProblem(schema, RESPONSE_SCHEMA_LIMITS)
      if (problem !== undefined) return { kind: 'bad-schema', problem }
      const text = JSON.stringify(schema)
      const digest = digestOf(text)
      const checked = known(tenant, digest, schema)
      if (checked !== undefined) return checked
      const outcome = await run(tenant, digest, text)
      if (outcome.kind === 'busy') return outcome
      if (outcome.kind === 'valid' || outcome.kind === 'invalid')
        throw new Error('the thread checked an answer')
      remember(tenant, digest, outcome)
      return outcome
    },
    async check(schema, answer, tenant) {
      const text = JSON.stringify(schema)
      const digest = digestOf(text)
      const checked = known(tenant, digest, schema)
      if (checked !== undefined && checked.kind !== 'ok') return checked
      const outcome = await run(tenant, digest, text, answer)
      if (outcome.kind === 'too-costly') remember(tenant, digest, outcome)
      if (outcome.kind === 'ok') throw new Error('the thread did not check the answer')
      return outcome
    },
  }
}

function charsOf({ schema, answer = '' }: Waiting['job']): number {
  return schema.length + answer.length
}

/** Processor time of this process, milliseconds. */
function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
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
