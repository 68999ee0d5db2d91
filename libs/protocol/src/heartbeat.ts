import { z } from 'zod'
import { count, durationMs, instantMs, share, whole } from './values/numbers.ts'

/** A node's reports about itself. Unknown fields are dropped, as everywhere on the bus. */

/** An id of a task, a node or a process. */
export const idSchema = z.string().min(1).max(128)
/** Bounds of a node's offers: together they stay far below one message of the bus. */
export const OFFER_LIMITS = {
  nameCharsMax: 256,
  /** The beginning of the text; the model reads all of it. */
  descriptionCharsMax: 512,
  toolsMax: 1_000,
  /** A node that serves more patterns sends `*`. */
  modelsMax: 1_000,
  /** The most MCP servers of a node, and the most characters of a text about one of them. */
  serversMax: 32,
  problemCharsMax: 512,
} as const

/**
 * The progress of a node's work, apart from whether its process lives: figures for gray failures. `heard` and
 * `completed` (of the heartbeat) measure progress; the others say which work should progress.
 */
const workSchema = z.object({
  /** Pieces of answers received from providers since the start. */
  heard: count,
  /** Attempts that wait for a provider. */
  calling: count,
  /** Attempts that wait for a timer or a tool, each within its own limit. */
  waiting: count,
  /** Longest time without progress of an attempt that waits for the node or the coordinator. */
  stuckMs: durationMs,
  /** How long the main loop has not ticked, as the heartbeat thread sees it; 0 when it does. */
  stallMs: durationMs,
})

/** The most slots that a node can have. */
export const SLOTS_MAX = 100_000
/** Slots' worth of a resource: a task of the highest class reserves several. */
const units = z
  .number()
  .min(0)
  .max(16 * SLOTS_MAX)

/** A node's own figures; `version` orders messages that arrive over two connections. */
export const heartbeatSchema = z.object({
  nodeId: idSchema,
  incarnation: whole,
  version: whole,
  slots: z.number().int().min(0).max(SLOTS_MAX),
  active: count,
  /** Tasks accepted and not yet started. */
  queued: count,
  cpu: share,
  memory: share,
  memoryBytes: whole,
  lagMs: durationMs,
  responseMs: durationMs,
  completed: count,
  failed: count,
  draining: z.boolean(),
  startedAtMs: instantMs,
  /** When it was composed, by the clock of the node: load balancers date their dispatches by it. */
  atMs: instantMs.optional(),
  work: workSchema.optional(),
  /** LLM calls that ended since the start, and those that the provider refused for their rate. */
  llmCalls: count.optional(),
  throttled: count.optional(),
  /** Attempts that failed by a fault of the node itself, not of the task or its provider. */
  failedHere: count.optional(),
  /** Slots' worth of processor and memory that the classes of its attempts reserve. */
  reservedCpu: units.optional(),
  reservedMemory: units.optional(),
})
export type Heartbeat = z.infer<typeof heartbeatSchema>

/** A node's figures soon after a change, with the tasks that left it since the last ones. */
export const loadSchema = heartbeatSchema.extend({ ended: z.array(idSchema.optional()) })
export type Load = z.infer<typeof loadSchema>

/** Far above the rate of any provider. */
const TOKENS_PER_SECOND_MAX = 1_000_000

/** Far above the limit of any provider; a bucket below zero has granted calls of the near future. */
const rate = z.number().min(0).max(1e12)
const level = z.number().min(-1e12).max(1e12)

/** The limits of a provider's key a minute, what the fleet may use of them at once, and the node's calls that wait. */
const keyLimitsSchema = z.object({
  requestsPerMinute: rate.optional(),
  tokensPerMinute: rate.optional(),
  requestsLeft: level.optional(),
  tokensLeft: level.optional(),
  closedForMs: durationMs,
  waiting: count,
})

/** The state of one model of one provider, as one node sees it. */
export const providerModelSchema = z.object({
  provider: z.string().max(128),
  model: z.string().max(256),
  calls: count,
  /** Whether calls pass: the state of the node's circuit breaker. */
  breaker: z.enum(['closed', 'open', 'probing']),
  /** The provider accepts no call for this long; 0: it accepts calls. */
  closedForMs: durationMs,
  /** The limits of the key with which the node calls the provider, as far as it knows them. */
  keyLimits: keyLimitsSchema.optional(),
  /** Capabilities learned from its refusals: `name=value`, only where they differ from OpenAI itself. */
  learned: z.array(z.string().max(128)).max(32),
  /** The class of the last failure, such as `status 429`, and how long ago it was. */
  lastError: z.object({ kind: z.string().max(64), agoMs: durationMs }).optional(),
  /** Means of the last calls: milliseconds until the first token, tokens a second after it. */
  firstTokenMs: durationMs.optional(),
  tokensPerSecond: z.number().min(0).max(TOKENS_PER_SECOND_MAX).optional(),
})
export type ProviderModel = z.infer<typeof providerModelSchema>

/** A tool as a node offers it to agents that name it. */
export const offeredToolSchema = z.object({
  name: z.string().max(OFFER_LIMITS.nameCharsMax),
  description: z.string().max(OFFER_LIMITS.descriptionCharsMax),
  source: z.enum(['built-in', 'run', 'module', 'mcp']),
  approval: z.boolean(),
})
export type OfferedTool = z.infer<typeof offeredToolSchema>

/** An MCP server of a node that does not offer every configured tool. */
export const mcpProblemSchema = z.object({
  server: z.string().max(64),
  problem: z.string().max(OFFER_LIMITS.problemCharsMax),
})
export type McpProblem = z.infer<typeof mcpProblemSchema>

/** The offers of a node: its tools, and the models that its providers serve. */
export const offersSchema = z.object({
  nodeId: idSchema,
  tools: z.array(offeredToolSchema.optional()).max(OFFER_LIMITS.toolsMax),
  /** Patterns in which `*` is any text. */
  models: z.array(z.string().max(OFFER_LIMITS.nameCharsMax)).max(OFFER_LIMITS.modelsMax),
  /** Absent in messages of earlier releases. */
  mcpProblems: z.array(mcpProblemSchema).max(OFFER_LIMITS.serversMax).optional(),
})
export type Offers = z.infer<typeof offersSchema>
