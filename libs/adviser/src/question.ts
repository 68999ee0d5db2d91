import { createHash } from 'node:crypto'
import { assert } from '@agentfleet/domain'
import type { AdviceRecord, Figures } from '@agentfleet/protocol'
import { z } from 'zod'
import { problemOfShape, type Seen, type SeenShape } from './figures.ts'
import { problemOfAnswerSchema, type JsonSchema } from './schema.ts'

/** What was out of bounds, and what it became. */
export type Clamps = AdviceRecord['clamped']

/** An answer that a clamp has passed. */
export interface Clamped<A> {
  readonly answer: A
  readonly clamped: Clamps
}

/** What a service asks its adviser, told once; all of it is constant but the figures. */
export interface QuestionParts<S extends SeenShape, A> {
  /** Names the question in records, metrics and the schema sent. */
  readonly name: string
  /** What the model is told: constant text, never put together from anything. */
  readonly instruction: string
  readonly seen: S
  /** A strict object of numbers, booleans, enums, and lists or objects of them. */
  readonly schema: z.ZodType<A>
  /** Brings an answer within the bounds that hold for these figures. */
  readonly clamp: (answer: A, seen: Seen<S>) => Clamped<A>
  /** Whether the answer changes nothing against the deterministic policy; recorded, not acted upon. */
  readonly followsPolicy?: (answer: A, seen: Seen<S>) => boolean
  /** The figures made so coarse that like states look the same: what answers are kept by. */
  readonly bucket: (seen: Seen<S>) => Figures
  /** How long advice holds before the defaults do again. */
  readonly ttlMs: number
  /** Longest wait for an answer; the adviser may be set to less. */
  readonly timeoutMs: number
  /** `refresh` asks no more often than this. */
  readonly refreshEveryMs?: number
}

/** A question that was checked. */
export interface Question<S extends SeenShape, A> extends Required<QuestionParts<S, A>> {
  readonly jsonSchema: JsonSchema
  /** Changes with the instruction and the schema: kept answers to the old wording count no more. */
  readonly fingerprint: string
}

/** What OpenAI allows as the name of a schema, and what reads well as a metric label. */
const NAME = /^[a-z][a-z0-9-]{0,47}$/
const INSTRUCTION_CHARACTERS_MAX = 4_000
/** Advice describes a moment; the longest that any loop may hold on to it. */
const TTL_MAX_MS = 600_000
/** Nothing that waits for an adviser waits longer. */
const TIMEOUT_MAX_MS = 30_000
/** An hour's budget of 60 calls is spent evenly. */
const REFRESH_EVERY_MS = 60_000

/** Checks a question; a wrong one is a programmer's error. */
export function defineQuestion<const S extends SeenShape, A>(
  parts: QuestionParts<S, A>,
): Question<S, A> {
  const { name, instruction, ttlMs, timeoutMs, schema } = parts
  const refreshEveryMs = parts.refreshEveryMs ?? Math.min(REFRESH_EVERY_MS, ttlMs / 4)
  const fault = (message: string): string => `question ${name}: ${message}`
  assert(NAME.test(name), fault('its name is not of lower-case words'))
  assert(
    instruction.length > 0 && instruction.length <= INSTRUCTION_CHARACTERS_MAX,
    fault(`its instruction is not of 1 to ${INSTRUCTION_CHARACTERS_MAX} characters`),
  )
  assert(ttlMs > 0 && ttlMs <= TTL_MAX_MS, fault(`advice holds for 1 to ${TTL_MAX_MS} ms`))
  assert(timeoutMs > 0 && timeoutMs <= TIMEOUT_MAX_MS, fault(`it waits 1 to ${TIMEOUT_MAX_MS} ms`))
  assert(
    refreshEveryMs > 0 && refreshEveryMs <= ttlMs,
    fault('advice expires before it is renewed'),
  )
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema)
  const problem = problemOfShape(parts.seen) ?? problemOfAnswerSchema(jsonSchema)
  assert(problem === undefined, fault(String(problem)))
  const fingerprint = hashOf([name, instruction, jsonSchema])
  const followsPolicy = parts.followsPolicy ?? (() => false)
  return Object.freeze({ ...parts, followsPolicy, refreshEveryMs, jsonSchema, fingerprint })
}

/** Fingerprint of the state that a question is asked about, as coarse as the question sees it. */
export function stateHashOf<S extends SeenShape, A>(
  question: Question<S, A>,
  model: string,
  seen: Seen<S>,
): string {
  const bucket = Object.entries(question.bucket(seen)).sort(([a], [b]) => (a < b ? -1 : 1))
  return hashOf([question.fingerprint, model, bucket])
}

/** Lays numbers of an answer between their bounds: the clamp that most questions need. */
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
