import { z } from 'zod'

/** The parameters that are passed through, by their names in the request. */
export const SAMPLING_FIELDS = [
  'temperature',
  'top_p',
  'stop',
  'seed',
  'reasoning_effort',
  'verbosity',
] as const
/** One of these parameters. */
export type SamplingField = (typeof SAMPLING_FIELDS)[number]

/**
 * What an endpoint accepts in a request for one model. The worker assumes everything until the
 * endpoint refuses it. After a refusal that names a field, the worker sends the same request
 * without that field and remembers the lesson.
 */
export const capabilitiesSchema = z.strictObject({
  stream: z.boolean(),
  streamOptions: z.boolean(),
  /** How the request asks for JSON of a schema; with `none` only the prompt asks. */
  responseFormat: z.enum(['json_schema', 'json_object', 'none']),
  /** Whether `response_format` is accepted together with tools. */
  formatWithTools: z.boolean(),
  tools: z.boolean(),
  tokensField: z.enum(['max_completion_tokens', 'max_tokens', 'none']),
  /** The role of instructions; `user` puts them before the first user message. */
  systemRole: z.enum(['system', 'developer', 'user']),
  /** `plain`: ids of nine letters or digits. */
  toolIds: z.enum(['as-given', 'plain']),
  /**
   * Reasoning in the history: sent back with tool calls, never, or with every message of the model.
   */
  reasoning: z.enum(['echo', 'omit', 'required']),
  /**
   * Signatures of a model's own messages and calls: sent back, never, also with a placeholder for
   * messages of other models, or as a placeholder alone.
   */
  signatures: z.enum(['echo', 'omit', 'required', 'placeholder']),
  /** Whether a message with tool calls may have no content. */
  nullContent: z.boolean(),
  /** `plain`: the schemas of tools have only the keywords that every dialect knows. */
  toolSchemas: z.enum(['full', 'plain']),
  /** The most tokens of an answer that the model accepts as a limit; undefined if it is unknown. */
  outputTokensMax: z.int().positive().optional(),
  /** Sampling and reasoning parameters that are omitted. */
  dropped: z.array(z.enum(SAMPLING_FIELDS)).readonly(),
})
/** What an endpoint accepts. */
export type Capabilities = Readonly<Required<z.output<typeof capabilitiesSchema>>>

/** The first assumption about every endpoint: it accepts what OpenAI accepts. */
export const FULL_CAPABILITIES: Capabilities = {
  stream: true,
  streamOptions: true,
  responseFormat: 'json_schema',
  formatWithTools: true,
  tools: true,
  toolSchemas: 'full',
  tokensField: 'max_completion_tokens',
  outputTokensMax: undefined,
  systemRole: 'system',
  toolIds: 'as-given',
  reasoning: 'echo',
  signatures: 'echo',
  nullContent: true,
  dropped: [],
}

/** The parts of a request that could be omitted or changed. */
export interface SentFields {
  /** The top-level names of the request. */
  readonly names: readonly string[]
  /** The limit of tokens of the answer. */
  readonly outputTokensMax?: number | undefined
  readonly hasSystem: boolean
  readonly hasToolCalls: boolean
  readonly hasReasoning: boolean
  readonly hasSignatures: boolean
  /** The task names no tools, so the offered ones may be omitted. */
  readonly toolsOptional: boolean
  /** The texts of the messages, which refusals may repeat. */
  readonly contents: readonly string[]
}
