/**
 * What an endpoint accepts in a request for one model. The worker assumes everything until the
 * endpoint refuses it. After a refusal that names a field, the worker sends the same request
 * without that field and remembers the lesson.
 */
export interface Capabilities {
  readonly stream: boolean
  readonly streamOptions: boolean
  /** How the request asks for JSON of a schema; with `none` only the prompt asks. */
  readonly responseFormat: 'json_schema' | 'json_object' | 'none'
  /** Whether `response_format` is accepted together with tools. */
  readonly formatWithTools: boolean
  readonly tools: boolean
  /** `plain`: the schemas of tools have only the keywords that every dialect knows. */
  readonly toolSchemas: 'full' | 'plain'
  readonly tokensField: 'max_completion_tokens' | 'max_tokens' | 'none'
  /** The most tokens of an answer that the model accepts as a limit; undefined if it is unknown. */
  readonly outputTokensMax: number | undefined
  /** The role of instructions; `user` puts them before the first user message. */
  readonly systemRole: 'system' | 'developer' | 'user'
  /** `plain`: ids of nine letters or digits. */
  readonly toolIds: 'as-given' | 'plain'
  /**
   * Reasoning in the history: sent back with tool calls, never, or with every message of the model.
   */
  readonly reasoning: 'echo' | 'omit' | 'required'
  /**
   * Signatures of a model's own messages and calls: sent back, never, also with a placeholder for
   * messages of other models, or as a placeholder alone.
   */
  readonly signatures: 'echo' | 'omit' | 'required' | 'placeholder'
  /** Whether a message with tool calls may have no content. */
  readonly nullContent: boolean
  /** Sampling and reasoning parameters that are omitted. */
  readonly dropped: readonly SamplingField[]
}

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
