import { createHash } from 'node:crypto'
import { createOwnedCache } from '@agentfleet/domain'
import { jsonProblem, RESPONSE_SCHEMA_LIMITS } from '@agentfleet/protocol'
import { createCheckQueue, type Settled } from './check-queue.ts'
import { createCheckThreads } from './threads.ts'
import type { CheckedAnswer } from './compiled-schema.ts'
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
export type AnswerChecks = ReturnType<typeof createAnswerChecks>

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

/** Compiling the largest schema takes a tenth of this, milliseconds of processor time. */
const JOB_DEADLINE_MS = 3_000
/** Memory of a thread, MB: a flood of problems ends the thread before it ends the process. */
const HEAP_MAX_MB = 256
/** Results for schemas that are remembered, all of about the same size. */
const REMEMBERED_MAX = 1_000

/** Creates checks; the first check starts a thread. */
export function createAnswerChecks(options: { jobDeadlineMs?: number; heapMaxMb?: number } = {}) {
  const remembered = createOwnedCache<SchemaCheck>({
    entriesMax: REMEMBERED_MAX,
    sizeMax: REMEMBERED_MAX,
  })
  const { jobDeadlineMs = JOB_DEADLINE_MS, heapMaxMb = HEAP_MAX_MB } = options
  const queue = createCheckQueue()
  const threads = createCheckThreads(queue, { jobDeadlineMs, heapMaxMb })

  const run = (tenant: string, digest: string, schema: string, answer?: string): Promise<Settled> =>
    new Promise((resolve) => {
      const job = { schema, ...(answer === undefined ? {} : { answer }) }
      if (queue.add(tenant, { job, digest, settle: resolve })) threads.next()
      else
        resolve({
          kind: 'busy',
          problem: 'cannot be checked now, because too many other checks wait',
        })
    })

  const remember = (tenant: string, digest: string, checked: SchemaCheck) =>
    remembered.set(tenant, digest, checked, 1)

  const known = (tenant: string, digest: string, schema: JsonSchema): SchemaCheck | undefined => {
    const before = remembered.get(tenant, digest)
    if (before !== undefined) return before
    const checked = problemOf(schema)
    if (checked !== undefined) remember(tenant, digest, checked)
    return checked
  }

  return {
    /** Whether a schema can be used to check answers. */
    async checkSchema(schema: JsonSchema, tenant: string): Promise<SchemaCheck> {
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
    /** Whether the text of an answer satisfies a schema. */
    async check(schema: JsonSchema, answer: string, tenant: string): Promise<AnswerCheck> {
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
