import { createHash } from 'node:crypto'
import { assert } from '@agentfleet/domain'
import type { AdviceRecord, Figures } from '@agentfleet/protocol'
import { z } from 'zod'
import { problemOfShape, type Seen, type SeenShape } from './figures.ts'
import { problemOfAnswerSchema, type JsonSchema } from './schema.ts'

/** A field that was out of bounds, and its value after the clamp. */
export type Clamps = AdviceRecord['clamped']

/** An answer that a clamp has passed. */
export interface Clamped<A> {
  readonly answer: A
  readonly clamped: Clamps
}

/** A question of a service, declared once; only its figures change. */
export interface QuestionParts<S extends SeenShape, A> {
  /** Names the question in records, metrics and the schema sent. */
  readonly name: string
  /** The instruction to the model: constant text, never built from data. */
  readonly instruction: string
  readonly seen: S
  /** A strict object of numbers, booleans, enums, and lists or objects of them. */
  readonly schema: z.ZodType<A>
  /** Brings an answer within the bounds for these figures. */
  readonly clamp: (answer: A, seen: Seen<S>) => Clamped<A>
  /**
   * Whether the answer equals the decision of the deterministic policy; such an answer is recorded, not
   * applied.
   */
  readonly followsPolicy?: (answer: A, seen: Seen<S>) => boolean
  /** The figures, rounded so that similar states share a kept answer. */
  readonly bucket: (seen: Seen<S>) => Figures
  /** How long advice holds; afterwards the defaults hold again. */
  readonly ttlMs: number
  /** Longest wait for an answer; the adviser may be set to less. */
  readonly timeoutMs: number
}

/** A checked question. */
export interface Question<S extends SeenShape, A> extends Required<QuestionParts<S, A>> {
  /** Shortest interval between two calls of `refresh`: advice is renewed before it expires. */
  readonly refreshEveryMs: number
  readonly jsonSchema: JsonSchema
  /** Changes with the instruction and the schema, so that answers to an older wording are not used. */
  readonly fingerprint: string
}

/** A name that OpenAI allows for a schema, and that fits a metric label. */
const NAME = /^[a-z][a-z0-9-]{0,47}$/
const INSTRUCTION_CHARACTERS_MAX = 4_000
/** Advice describes a moment; no loop may use it longer. */
const TTL_MAX_MS = 600_000
/** No caller waits longer for an adviser. */
const TIMEOUT_MAX_MS = 30_000
/** At this interval a budget of 60 calls lasts an hour. */
const REFRESH_EVERY_MS = 60_000

/** Checks a question; a wrong one is a programmer's error. */
export function defineQuestion<const S extends SeenShape, A>(
  parts: QuestionParts<S, A>,
): Question<S, A> {
  const { name, instruction, ttlMs, timeoutMs, schema } = parts
  const refreshEveryMs = Math.min(REFRESH_EVERY_MS, ttlMs / 4)
  const fault = (message: string): string => `question ${name}: ${message}`
  assert(NAME.test(name), fault('the name of the question must consist of lower-case words'))
  assert(
    instruction.length > 0 && instruction.length <= INSTRUCTION_CHARACTERS_MAX,
    fault(`the instruction must have 1 to ${INSTRUCTION_CHARACTERS_MAX} characters`),
  )
  assert(ttlMs > 0 && ttlMs <= TTL_MAX_MS, fault(`ttlMs must be 1 to ${TTL_MAX_MS}`))
  assert(
    timeoutMs > 0 && timeoutMs <= TIMEOUT_MAX_MS,
    fault(`timeoutMs must be 1 to ${TIMEOUT_MAX_MS}`),
  )
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema)
  const problem = problemOfShape(parts.seen) ?? problemOfAnswerSchema(jsonSchema)
  assert(problem === undefined, fault(String(problem)))
  const fingerprint = hashOf([name, instruction, jsonSchema])
  const followsPolicy = parts.followsPolicy ?? (() => false)
  return Object.freeze({ ...parts, followsPolicy, refreshEveryMs, jsonSchema, fingerprint })
}

/** Fingerprint of the state that a question is asked about, rounded as the question says. */
export function stateHashOf<S extends SeenShape, A>(
  question: Question<S, A>,
  model: string,
  seen: Seen<S>,
): string {
  const bucket = Object.entries(question.bucket(seen)).sort(([a], [b]) => (a < b ? -1 : 1))
  return hashOf([question.fingerprint, model, bucket])
}

/** Clamps numbers of an answer between their bounds: most questions need no other clamp. */
export function withinBounds<A extends object>(
  answer: A,
  bounds: { readonly [Field in keyof A]?: readonly [min: number, max: number] },
): Clamped<A> {
  const clamped: Clamps = []
  const next: A = { ...answer }
  for (const field of Object.keys(bounds) as (keyof A & string)[]) {
    const range = bounds[field]
    const from: unknown = answer[field]
    if (range === undefined || typeof from !== 'number') continue
    const to = Math.min(range[1], Math.max(range[0], from))
    if (to === from) continue
    next[field] = to as A[typeof field]
    clamped.push({ field, from, to })
  }
  return { answer: next, clamped }
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32)
}
