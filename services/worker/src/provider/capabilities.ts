import { complaintOf, type ProviderError } from './errors.ts'

/**
 * What an endpoint accepts in a request for one model. The worker assumes everything until the
 * endpoint refuses it. After a refusal that names a field, the worker sends the same request
 * without that field and remembers the lesson. Pure: `learnRefusal` decides, the client acts.
 */
export interface Capabilities {
  readonly stream: boolean
  readonly streamOptions: boolean
  /** How the request asks for JSON of a schema; with `none` only the prompt asks. */
  readonly responseFormat: 'json_schema' | 'json_object' | 'none'
  /** Whether `response_format` is accepted together with tools. */
  readonly formatWithTools: boolean
  readonly tools: boolean
  readonly tokensField: 'max_completion_tokens' | 'max_tokens' | 'none'
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
  tokensField: 'max_completion_tokens',
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
  readonly hasSystem: boolean
  readonly hasToolCalls: boolean
  readonly hasReasoning: boolean
  readonly hasSignatures: boolean
  /** The task names no tools, so the offered ones may be omitted. */
  readonly toolsOptional: boolean
  /** The texts of the messages, which refusals may repeat. */
  readonly contents: readonly string[]
}

/** Whether the same call may be repeated in another form. */
export type RefusalDecision =
  | { readonly kind: 'adapt'; readonly reason: string; readonly capabilities: Capabilities }
  | {
      readonly kind: 'final'
      readonly reason: 'other-status' | 'about-its-size' | 'no-such-model' | 'nothing-to-leave-out'
    }

/**
 * Statuses with which endpoints refuse a field: bad request, not found (routers), unprocessable,
 * not implemented.
 */
const REFUSALS = [400, 404, 405, 415, 422, 501]
/** Gateways report a refusal as their own error; it counts only if it names the field. */
const TROUBLES = [500, 502]

interface Lesson {
  readonly name: string
  /** Whether the refusal concerns this capability, given what was sent. */
  readonly applies: (refusal: Refusal, sent: SentFields, now: Capabilities) => boolean
  readonly next: (now: Capabilities, refusal: Refusal) => Capabilities
}

interface Refusal {
  /** Message, code and parameter in one text. */
  readonly text: string
  readonly param: string
}

const sends = (sent: SentFields, name: string): boolean => sent.names.includes(name)

const THIS_SCHEMA = 'this schema'
const THESE_SIGNATURES = 'these signatures'
/** What is not remembered of a lesson about one task: its schema, the signatures of its history. */
export const PASSING: ReadonlyMap<string, keyof Capabilities> = new Map([
  [THIS_SCHEMA, 'responseFormat'],
  [THESE_SIGNATURES, 'signatures'],
])

/** Names of the id of a tool call. */
const TOOL_ID = /tool.?call.?ids?\b|tool_calls?\S*\.id\b|\bcall.?id\b/i

/** In the order of precision: the most specific refusals come first. */
const LESSONS: readonly Lesson[] = [
  {
    name: 'stream_options',
    applies: (refusal, sent) =>
      sends(sent, 'stream_options') && /stream_options|include_usage/i.test(refusal.text),
    next: (now) => ({ ...now, streamOptions: false }),
  },
  {
    name: 'signatures required',
    applies: (refusal, sent, now) =>
      sent.hasToolCalls &&
      (now.signatures === 'echo' || now.signatures === 'omit') &&
      /thought_?\s?signature/i.test(refusal.text) &&
      /missing|required|must|need/i.test(refusal.text),
    next: (now) => ({ ...now, signatures: 'required' }),
  },
  {
    name: THESE_SIGNATURES,
    applies: (refusal, sent, now) =>
      sent.hasSignatures &&
      now.signatures !== 'placeholder' &&
      /thought_?\s?signature/i.test(refusal.text) &&
      /invalid|not valid|corrupt|wrong|mismatch|expired|decod|decrypt/i.test(refusal.text),
    next: (now) => ({ ...now, signatures: 'placeholder' }),
  },
  {
    name: 'signatures',
    applies: (refusal, sent, now) =>
      sent.hasSignatures &&
      now.signatures !== 'omit' &&
      /extra_content|thought_?\s?signature/i.test(refusal.text),
    next: (now) => ({ ...now, signatures: 'omit' }),
  },
  {
    name: 'tool ids',
    applies: (refusal, sent, now) =>
      sent.hasToolCalls && now.toolIds === 'as-given' && TOOL_ID.test(refusal.text),
    next: (now) => ({ ...now, toolIds: 'plain' }),
  },
  {
    name: 'reasoning required',
    applies: (refusal, sent, now) =>
      sent.hasToolCalls &&
      now.reasoning !== 'required' &&
      /(reasoning|thinking|thought).*(must|required|missing|passed back|expected)|(expected|missing).*(reasoning|thinking|thought)/i.test(
        refusal.text,
      ) &&
      !/not (supported|permitted|allowed)|unsupported|unknown|unrecognized|extra/i.test(
        refusal.text,
      ),
    next: (now) => ({ ...now, reasoning: 'required' }),
  },
  {
    name: 'reasoning',
    applies: (refusal, sent, now) =>
      sent.hasReasoning &&
      now.reasoning !== 'omit' &&
      /reasoning(_content|_details)?\b|thinking/i.test(refusal.text) &&
      !/reasoning_effort/i.test(refusal.text),
    next: (now) => ({ ...now, reasoning: 'omit' }),
  },
  {
    name: 'sampling',
    applies: (refusal, sent) => samplingIn(refusal, sent) !== undefined,
    next: (now, refusal) => ({
      ...now,
      dropped: [
        ...now.dropped,
        ...SAMPLING_FIELDS.filter((name) => !now.dropped.includes(name) && refuses(refusal, name)),
      ],
    }),
  },
  {
    name: 'tokens',
    applies: (refusal, sent) =>
      (sends(sent, 'max_completion_tokens') || sends(sent, 'max_tokens')) &&
      /max_(completion_)?tokens/i.test(refusal.text) &&
      !TOO_MANY.test(refusal.text),
    next: (now) => ({
      ...now,
      tokensField: now.tokensField === 'max_completion_tokens' ? 'max_tokens' : 'none',
    }),
  },
  {
    name: 'format with tools',
    applies: (refusal, sent, now) =>
      now.formatWithTools &&
      sends(sent, 'response_format') &&
      sends(sent, 'tools') &&
      /(tool|function).*(json|response_?format|schema|structured|mime)|(json|response_?format|structured|mime).*(tool|function)/i.test(
        refusal.text,
      ),
    next: (now) => ({ ...now, formatWithTools: false }),
  },
  {
    name: THIS_SCHEMA,
    applies: (refusal, sent, now) =>
      sends(sent, 'response_format') &&
      now.responseFormat === 'json_schema' &&
      /(invalid|unsupported).?(json.?)?schema|schema.*(in context|is invalid|is not valid|too many states|too complex)/i.test(
        refusal.text,
      ),
    next: (now) => ({ ...now, responseFormat: 'json_object' }),
  },
  {
    name: 'response_format',
    applies: (refusal, sent) =>
      sends(sent, 'response_format') &&
      /response_?(format|mime)|json_?schema|json_?object|structured.?output|json.?mode|guided|grammar|schema/i.test(
        refusal.text,
      ),
    next: (now) => ({
      ...now,
      responseFormat: now.responseFormat === 'json_schema' ? 'json_object' : 'none',
    }),
  },
  {
    name: 'stream',
    applies: (refusal, sent) =>
      sends(sent, 'stream') &&
      (refusal.param === 'stream' ||
        /\bstream must be false|\bstream(ing)?\b.*(not|un)(\s?supported| available| allowed| permitted)|(not|un)\s?support\S*.*\bstream(ing)?\b/i.test(
          refusal.text,
        )),
    next: (now) => ({ ...now, stream: false, streamOptions: false }),
  },
  {
    name: 'tools',
    applies: (refusal, sent) =>
      sends(sent, 'tools') &&
      sent.toolsOptional &&
      !/\broles?\b/i.test(refusal.text) &&
      /\btools?\b|function.?(call|decl)|[`'"]functions[`'"]/i.test(refusal.text),
    next: (now) => ({ ...now, tools: false }),
  },
  {
    name: 'system role',
    applies: (refusal, sent, now) =>
      sent.hasSystem &&
      now.systemRole !== 'user' &&
      /(system|developer)( message| role| prompt| instruction)|role.*(system|developer|user)|(user|assistant).*\broles?\b|['"`](system|developer)['"`]|only (user|assistant)|must alternate|start with a user/i.test(
        refusal.text,
      ),
    next: (now, refusal) => ({
      ...now,
      systemRole:
        now.systemRole === 'system' && /developer/i.test(refusal.text) ? 'developer' : 'user',
    }),
  },
  {
    name: 'content',
    applies: (refusal, sent, now) =>
      sent.hasToolCalls &&
      now.nullContent &&
      /content/i.test(refusal.text) &&
      /null|none|string|required|empty|missing/i.test(refusal.text),
    next: (now) => ({ ...now, nullContent: false }),
  },
]

/** The prompt is too long, so omitting a field does not help. */
const ABOUT_SIZE =
  /context.?(length|window|size)|(prompt|input|request|messages?) (is |are )?(too (long|large)|exceeds?)|reduce the length|too many (input )?tokens|token limit|string_above_max|payload too large/i
/** The model does not exist, so omitting a field does not help. */
const NO_MODEL =
  /model_not_found|unknown.?model|no such model|model( \S+)? (does not exist|(is |was )?not found)/i
/** The model as a whole is refused. */
const ABOUT_MODEL = /invalid.?model|model( \S+)? is not (supported|available)/i
/** The field is accepted, but not this value; the value of another task may be. */
const ABOUT_VALUE =
  /above maximum|below minimum|too (long|large|small|many)|out of range|must be (between|in|less|greater|at|<|>|≤|≥|one of)|(less|greater) than|[<>]=|expected a value|\bbetween\b|supported values are|one of/i

const TOO_MANY = /too (large|many|long)|at most|maximum|exceed|less than|range|context/i
/** The refusal concerns a field that it does not name. */
const UNNAMED =
  /\b(extra|unknown|unrecognized|unexpected|unsupported|additional|malformed)\b|not (supported|permitted|allowed|recognized)|invalid (field|param|argument|request)|参数|字段|パラメータ|파라미터|unbekannt|ungültig|desconocid|inconnu|неизвест/i
/** The refusal gives no reason. */
const NO_REASON =
  /^[\W\d]*(invalid_request_error\W+)?(bad request|unprocessable (entity|content)|malformed request|error)\W*$/i

/**
 * Decides what a refusal teaches: the capabilities for the next try, or that nothing can be
 * omitted.
 */
export function learnRefusal(
  now: Capabilities,
  error: Pick<ProviderError, 'status' | 'message' | 'param' | 'code'>,
  sent: SentFields,
): RefusalDecision {
  const trouble = TROUBLES.includes(error.status)
  if (!REFUSALS.includes(error.status) && !trouble) return { kind: 'final', reason: 'other-status' }
  const { param = '', code = '' } = error
  const refusal = refusalOf(`${param} ${code} ${complaintOf(error, sent.contents)}`, param)
  if (ABOUT_SIZE.test(refusal.text) && !TOOL_ID.test(refusal.text))
    return { kind: 'final', reason: 'about-its-size' }
  if (NO_MODEL.test(refusal.text)) return { kind: 'final', reason: 'no-such-model' }
  const named = !trouble || UNNAMED.test(refusal.text)
  const lesson = named && LESSONS.find(({ applies }) => applies(refusal, sent, now))
  if (lesson) {
    return { kind: 'adapt', reason: lesson.name, capabilities: lesson.next(now, refusal) }
  }
  const plainest = plainestOf(now, sent)
  const unnamed =
    !trouble &&
    (UNNAMED.test(refusal.text) || NO_REASON.test(refusal.text)) &&
    !ABOUT_MODEL.test(refusal.text)
  if (unnamed && plainest !== undefined) {
    return { kind: 'adapt', reason: 'unnamed field', capabilities: plainest }
  }
  return { kind: 'final', reason: 'nothing-to-leave-out' }
}

/** Names in camel case also count in the form of the request: maxTokens, topP. */
function refusalOf(text: string, param: string): Refusal {
  const snake = text.replaceAll(
    /([a-z])([A-Z])/g,
    (_, before: string, after: string) => `${before}_${after.toLowerCase()}`,
  )
  return { text: snake === text ? text : `${text} ${snake}`, param }
}

/** Combines the known capabilities with those that a call has found since it began. */
export function mergeLessons(
  now: Capabilities,
  before: Capabilities,
  after: Capabilities,
): Capabilities {
  const changed = Object.entries(after).filter(
    ([name, value]) => value !== before[name as keyof Capabilities],
  )
  return {
    ...now,
    ...(Object.fromEntries(changed) as Partial<Capabilities>),
    dropped: [...new Set([...now.dropped, ...after.dropped])],
  }
}

/** The endpoint or its model knows the field, but hardly any of its values. */
const NO_VALUE = /unsupported.?value|does not support/i

/** How refusals name a parameter; `stop` is a common word, so it needs a sign that it is the field. */
const NAMES_OF: Readonly<Record<SamplingField, RegExp>> = {
  temperature: /\btemperature\b/i,
  top_p: /\btop_?p\b/i,
  stop: /['"`]stop['"`]|\bstop.?sequences?\b|\b(parameter|argument|field)s? stop\b|: stop\b/i,
  seed: /\bseed\b/i,
  reasoning_effort: /\breasoning_?effort\b|\beffort\b|\bthink(ing)?\b|\breasoning\b/i,
  verbosity: /\bverbosity\b/i,
}

function refuses(refusal: Refusal, name: SamplingField): boolean {
  if (ABOUT_VALUE.test(refusal.text) && !NO_VALUE.test(refusal.text)) return false
  return refusal.param === name || NAMES_OF[name].test(refusal.text)
}

function samplingIn(refusal: Refusal, sent: SentFields): SamplingField | undefined {
  return SAMPLING_FIELDS.find((name) => sends(sent, name) && refuses(refusal, name))
}

/** Returns the request with only model, messages and tools; undefined if it already was that. */
function plainestOf(now: Capabilities, sent: SentFields): Capabilities | undefined {
  const extras = ['stream_options', 'response_format', 'max_completion_tokens', ...SAMPLING_FIELDS]
  if (!extras.some((name) => sends(sent, name))) return undefined
  return {
    ...now,
    streamOptions: false,
    responseFormat: 'none',
    tokensField: now.tokensField === 'max_completion_tokens' ? 'max_tokens' : now.tokensField,
    dropped: SAMPLING_FIELDS.filter((name) => now.dropped.includes(name) || sends(sent, name)),
  }
}
