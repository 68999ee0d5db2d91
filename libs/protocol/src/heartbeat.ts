import { z } from 'zod'

/** A node's reports about itself. Unknown fields are dropped, as everywhere on the bus. */

/** An id of a task, a node or a process. */
export const idSchema = z.string().min(1).max(128)
const id = idSchema
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
const count = z.number().int().nonnegative()

/**
 * The progress of a node's work, apart from whether its process lives: figures for gray failures. `heard` and
 * `completed` (of the heartbeat) measure progress; the others say which work should progress.
 */
export const workSchema = z.object({
  /** Pieces of answers received from providers since the start. */
  heard: count,
  /** Attempts that wait for a provider. */
  calling: count,
  /** Attempts that wait for a timer or a tool, each within its own limit. */
  waiting: count,
  /** Longest time without progress of an attempt that waits for the node or the coordinator. */
  stuckMs: z.number(),
  /** How long the main loop has not ticked, as the heartbeat thread sees it; 0 when it does. */
  stallMs: z.number(),
})
export type Work = z.infer<typeof workSchema>

/** A node's own figures; `version` orders messages that arrive over two connections. */
export const heartbeatSchema = z.object({
  nodeId: id,
  incarnation: count,
  version: count,
  slots: count,
  active: count,
  /** Tasks accepted and not yet started. */
  queued: count,
  cpu: z.number(),
  memory: z.number(),
  memoryBytes: count,
  lagMs: z.number(),
  responseMs: z.number(),
  completed: count,
  failed: count,
  draining: z.boolean(),
  startedAtMs: z.number(),
  work: workSchema.optional(),
  /** LLM calls that ended since the start, and those that the provider refused for their rate. */
  llmCalls: count.optional(),
  throttled: count.optional(),
  /** Attempts that failed by a fault of the node itself, not of the task or its provider. */
  failedHere: count.optional(),
  /** Slots' worth of processor and memory that the classes of its attempts reserve. */
  reservedCpu: z.number().nonnegative().optional(),
  reservedMemory: z.number().nonnegative().optional(),
})
export type Heartbeat = z.infer<typeof heartbeatSchema>

/** A node's figures soon after a change, with the tasks that left it since the last ones. */
export const loadSchema = heartbeatSchema.extend({ ended: z.array(id.optional()) })
export type Load = z.infer<typeof loadSchema>

/** Request to a node: whether it answers. It names the incarnation that was declared dead, if one was (L6). */
export const pingSchema = z.object({ deadIncarnation: count.optional() })

/** The state of one model of one provider, as one node sees it. */
export const providerModelSchema = z.object({
  provider: z.string().max(128),
  model: z.string().max(256),
  calls: count,
  /** Whether calls pass: the state of the node's circuit breaker. */
  breaker: z.enum(['closed', 'open', 'probing']),
  /** The provider accepts no call for this long; 0: it accepts calls. */
  closedForMs: z.number().nonnegative(),
  /** Capabilities learned from its refusals: `name=value`, only where they differ from OpenAI itself. */
  learned: z.array(z.string().max(128)).max(32),
  /** The class of the last failure, such as `status 429`, and how long ago it was. */
  lastError: z.object({ kind: z.string().max(64), agoMs: z.number().nonnegative() }).optional(),
  /** Means of the last calls: milliseconds until the first token, tokens a second after it. */
  firstTokenMs: z.number().nonnegative().optional(),
  tokensPerSecond: z.number().nonnegative().optional(),
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
  nodeId: id,
  tools: z.array(offeredToolSchema.optional()),
  /** Patterns in which `*` is any text. */
  models: z.array(z.string().max(OFFER_LIMITS.nameCharsMax)),
  /** Absent in messages of earlier releases. */
  mcpProblems: z.array(mcpProblemSchema).max(OFFER_LIMITS.serversMax).optional(),
})
export type Offers = z.infer<typeof offersSchema>

/** The models that a node has called recently. */
export const providersSchema = z.object({
  nodeId: id,
  models: z.array(providerModelSchema.optional()),
})
