import { THIS_LIMIT, THIS_PROMPT } from './output-limit.ts'
import {
  SAMPLING_FIELDS,
  type Capabilities,
  type SamplingField,
  type SentFields,
} from './capabilities.ts'

/** The table of what refusals teach; a new one is one entry. */

/** What one kind of refusal teaches. */
interface Lesson {
  readonly name: string
  /** Whether the refusal concerns this capability, given what was sent. */
  readonly applies: (refusal: Refusal, sent: SentFields, now: Capabilities) => boolean
  readonly next: (now: Capabilities, refusal: Refusal) => Capabilities
}

/** A refusal in the form in which the lessons read it. */
export interface Refusal {
  /** Message, code and parameter in one text. */
  readonly text: string
  readonly param: string
}

/** Whether the request had this field. */
export const sends = (sent: SentFields, name: string): boolean => sent.names.includes(name)

const THIS_SCHEMA = 'this schema'
const THESE_SIGNATURES = 'these signatures'
/** The capabilities that a lesson about one task changes for this task only: its schema, its signatures. */
export const PASSING: ReadonlyMap<string, keyof Capabilities> = new Map([
  [THIS_PROMPT, 'outputTokensMax'],
  [THIS_LIMIT, 'tokensField'],
  [THIS_SCHEMA, 'responseFormat'],
  [THESE_SIGNATURES, 'signatures'],
])

/** A schema of a tool is refused, by its place or by its keywords. */
const TOOL_SCHEMA =
  /invalid_function_parameters|input_schema|(\btools?\W{0,2}\d|function_?declarations|\b(tool|function)s?\b).*(\bschema|\bparameters|properties|\$(ref|defs|schema))|schema.*\b(tool|function)/i

/** Names of the id of a tool call. */
export const TOOL_ID = /tool.?call.?ids?\b|tool_(calls?|use)\S*\.id\b|\bcall.?id\b/i

/** In the order of precision: the most specific refusals come first. */
export const LESSONS: readonly Lesson[] = [
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
      !/reasoning_effort|\btemperature\b|\btop_p\b/i.test(refusal.text),
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
    name: 'tool schemas',
    applies: (refusal, sent, now) =>
      sends(sent, 'tools') && now.toolSchemas === 'full' && TOOL_SCHEMA.test(refusal.text),
    next: (now) => ({ ...now, toolSchemas: 'plain' }),
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
        /\bstream must be false|\bstream(ing)?\b.*(not|un)(\s?supported| available| allowed| permitted)|(not|un)\s?support.*\bstream(ing)?\b/i.test(
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
      /\btools?\b|\btool_use\b|function.?(call|decl)|[`'"]functions[`'"]|工具|函数调用/i.test(
        refusal.text,
      ),
    next: (now) => ({ ...now, tools: false }),
  },
  {
    name: 'system role',
    applies: (refusal, sent, now) =>
      sent.hasSystem &&
      now.systemRole !== 'user' &&
      /(system|developer)( message| role| prompt| instruction)|role.*(system|developer|user)|(user|assistant).*\broles?\b|['"`](system|developer)['"`]|only (user|assistant)|must alternate|start with a user|(system|developer)\s?角色/i.test(
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
      /null|none|string|required|empty|missing|不能为空/i.test(refusal.text),
    next: (now) => ({ ...now, nullContent: false }),
  },
]

/** The field is accepted, but not this value; the value of another task may be. */
const ABOUT_VALUE =
  /above maximum|below minimum|too (long|large|small|many)|out of range|must be (between|in|less|greater|at|<|>|≤|≥|one of)|(less|greater) than|[<>]=|expected a value|\bbetween\b|supported values are|one of|范围/i

const TOO_MANY =
  /too (large|many|long)|at most|maximum|exceed|less than|range|context|超过|超出|范围/i
/** The endpoint or its model knows the field, but hardly any of its values. */
const NO_VALUE = /unsupported.?value|does not support|unknown (field|param)|unrecognized/i

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

/** Returns a refusal as the lessons read it: names in camel case also count in the form of the request: maxTokens, topP. */
export function refusalOf(text: string, param: string): Refusal {
  const snake = text.replaceAll(
    /([a-z])([A-Z])/g,
    (_, before: string, after: string) => `${before}_${after.toLowerCase()}`,
  )
  return { text: snake === text ? text : `${text} ${snake}`, param }
}
