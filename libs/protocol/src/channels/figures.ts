import { LEVELS, SERIES_GROUPS, SERIES_STEPS, type SeriesStep } from '@agentfleet/domain'
import { z } from 'zod'
import { idSchema } from '../heartbeat.ts'
import { anyInstantMs, whole } from '../values/numbers.ts'

/** What coordinators have counted from the log, and the gateways ask for. */

const quantiles = z.object({ count: whole, p50: whole, p99: whole })
const unavailable = z.object({ kind: z.literal('unavailable') })

/** Asks for the series of a tenant; without a tenant, of the whole fleet. */
export const seriesQuestionSchema = z.object({
  tenant: idSchema.optional(),
  fromMs: anyInstantMs,
  toMs: anyInstantMs,
  step: z.enum(Object.keys(SERIES_STEPS) as [SeriesStep, ...SeriesStep[]]),
  groupBy: z.enum(SERIES_GROUPS).optional(),
})

/** What happened to tasks in one step. */
export const seriesPointSchema = z.object({
  atMs: anyInstantMs,
  submitted: whole,
  started: whole,
  completed: whole,
  failed: whole,
  cancelled: whole,
  retried: whole,
  lost: whole,
  llmCalls: whole,
  inputTokens: whole,
  outputTokens: whole,
  costUsd: z.number().min(0),
  /** A coordinator of the release before does not count them. */
  unpricedCalls: whole.default(0),
  waitMs: quantiles.optional(),
  firstTokenMs: quantiles.optional(),
})
/** What happened to tasks in one step. */
export type SeriesPoint = z.infer<typeof seriesPointSchema>

/** The series; `unavailable`: this coordinator still reads the log. */
export const seriesReplySchema = z.discriminatedUnion('kind', [
  unavailable,
  z.object({
    kind: z.literal('series'),
    knownFromMs: anyInstantMs,
    series: z.array(z.object({ key: z.string().optional(), points: z.array(seriesPointSchema) })),
  }),
])

/** Asks for the queues of a tenant; without a tenant, for those of all tenants. */
export const queuesQuestionSchema = z.object({
  tenant: idSchema.optional(),
  /** Whether the coordinator must look at the queues after this question, and not a moment before. */
  fresh: z.boolean().optional(),
})

/** Queues in one answer; those in which most tasks wait come first. */
export const QUEUES_MAX = 1_000

/** One queue: the tasks of a tenant with one priority. */
export const queueFiguresSchema = z.object({
  tenant: idSchema,
  priority: z.enum(LEVELS),
  waiting: whole,
  inFlight: whole,
  retrying: whole,
  /** The time since which the first of them has waited. */
  oldestAtMs: anyInstantMs.optional(),
})
/** One queue: the tasks of a tenant with one priority. */
export type QueueFigures = z.infer<typeof queueFiguresSchema>

/** The queues that have tasks. */
export const queuesReplySchema = z.discriminatedUnion('kind', [
  unavailable,
  z.object({
    kind: z.literal('queues'),
    atMs: anyInstantMs,
    queues: z.array(queueFiguresSchema).max(QUEUES_MAX),
  }),
])
/** The queues that have tasks. */
export type QueuesReply = z.infer<typeof queuesReplySchema>
