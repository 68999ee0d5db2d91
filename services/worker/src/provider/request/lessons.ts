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
  /** Whether the request could be refused for this, given what was sent. */
  readonly when: (sent: SentFields, now: Capabilities, refusal: Refusal) => boolean
  /** What such a refusal says, each of them. */
  readonly said?: readonly RegExp[]
  /** What another kind of refusal says. */
  readonly unless?: RegExp
  /** The capabilities that change. */
  readonly next: (now: Capabilities, refusal: Refusal) => Partial<Capabilities>
}

/** A refusal in the form in which the lessons read it. */
export interface Refusal {
  /** Message, code and parameter in one text. */
  readonly text: string
  readonly param: string
}

/** Whether a refusal teaches this lesson. */
export function applies(
  { when, said = [], unless }: Lesson,
  refusal: Refusal,
  sent: SentFields,
  now: Capabilities,
): boolean {
  return (
    when(sent, now, refusal) &&
    said.every((pattern) => pattern.test(refusal.text)) &&
    unless?.test(refusal.text) !== true
  )
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

const TOO_MANY =
  /too (large|many|long)|at most|maximum|exceed|less than|range|context|超过|超出|范围/i
const NO_STREAM =
  /\bstream must be false|\bstream(ing)?\b.*(not|un)(\s?supported| available| allowed| permitted)|(not|un)\s?support.*\bstream(ing)?\b/i
/** Gemini's name of a signature. */
const SIGNATURE = /thought_?\s?signature/i

/** In the order of precision: the most specific refusals come first. */
export const LESSONS: readonly Lesson[] = [
  {
    name: 'stream_options',
    when: (sent) => sends(sent, 'stream_options'),
    said: [/stream_options|include_usage/i],
    next: () => ({ streamOptions: false }),
  },
  {
    name: 'signatures required',
    when: (sent, { signatures }) =>
      sent.hasToolCalls && (signatures === 'echo' || signatures === 'omit'),
    said: [SIGNATURE, /missing|required|must|need/i],
    next: () => ({ signatures: 'required' }),
  },
  {
    name: THESE_SIGNATURES,
    when: (sent, now) => sent.hasSignatures && now.signatures !== 'placeholder',
    said: [SIGNATURE, /invalid|not valid|corrupt|wrong|mismatch|expired|decod|decrypt/i],
    next: () => ({ signatures: 'placeholder' }),
  },
  {
    name: 'signatures',
    when: (sent, now) => sent.hasSignatures && now.signatures !== 'omit',
    said: [/extra_content|thought_?\s?signature/i],
    next: () => ({ signatures: 'omit' }),
  },
  {
    name: 'tool ids',
    when: (sent, now) => sent.hasToolCalls && now.toolIds === 'as-given',
    said: [TOOL_ID],
    next: () => ({ toolIds: 'plain' }),
  },
  {
    name: 'reasoning required',
    when: (sent, now) => sent.hasToolCalls && now.reasoning !== 'required',
    said: [
      /(reasoning|thinking|thought).*(must|required|missing|passed back|expected)|(expected|missing).*(reasoning|thinking|thought)/i,
    ],
    unless: /not (supported|permitted|allowed)|unsupported|unknown|unrecognized|extra/i,
    next: () => ({ reasoning: 'required' }),
  },
  {
    name: 'reasoning',
    when: (sent, now) => sent.hasReasoning && now.reasoning !== 'omit',
    said: [/reasoning(_content|_details)?\b|thinking/i],
    unless: /reasoning_effort|\btemperature\b|\btop_p\b/i,
    next: () => ({ reasoning: 'omit' }),
  },
  {
    name: 'sampling',
    when: (sent, _now, refusal) =>
      SAMPLING_FIELDS.some((name) => sends(sent, name) && refuses(refusal, name)),
    next: ({ dropped }, refusal) => ({
      dropped: [
        ...dropped,
        ...SAMPLING_FIELDS.filter((name) => !dropped.includes(name) && refuses(refusal, name)),
      ],
    }),
  },
  {
    name: 'tokens',
    when: (sent) => sends(sent, 'max_completion_tokens') || sends(sent, 'max_tokens'),
    said: [/max_(completion_)?tokens/i],
    unless: TOO_MANY,
    next: ({ tokensField }) => ({
      tokensField: tokensField === 'max_completion_tokens' ? 'max_tokens' : 'none',
    }),
  },
  {
    name: 'tool schemas',
    when: (sent, now) => sends(sent, 'tools') && now.toolSchemas === 'full',
    said: [TOOL_SCHEMA],
    next: () => ({ toolSchemas: 'plain' }),
  },
  {
    name: 'format with tools',
    when: (sent, now) =>
      now.formatWithTools && sends(sent, 'response_format') && sends(sent, 'tools'),
    said: [
      /(tool|function).*(json|response_?format|schema|structured|mime)|(json|response_?format|structured|mime).*(tool|function)/i,
    ],
    next: () => ({ formatWithTools: false }),
  },
  {
    name: THIS_SCHEMA,
    when: (sent, now) => sends(sent, 'response_format') && now.responseFormat === 'json_schema',
    said: [
      /(invalid|unsupported).?(json.?)?schema|schema.*(in context|is invalid|is not valid|too many states|too complex)/i,
    ],
    next: () => ({ responseFormat: 'json_object' }),
  },
  {
    name: 'response_format',
    when: (sent) => sends(sent, 'response_format'),
    said: [
      /response_?(format|mime)|json_?schema|json_?object|structured.?output|json.?mode|guided|grammar|schema/i,
    ],
    next: ({ responseFormat }) => ({
      responseFormat: responseFormat === 'json_schema' ? 'json_object' : 'none',
    }),
  },
  {
    name: 'stream',
    when: (sent, _now, { param, text }) =>
      sends(sent, 'stream') && (param === 'stream' || NO_STREAM.test(text)),
    next: () => ({ stream: false, streamOptions: false }),
  },
  {
    name: 'tools',
    when: (sent) => sends(sent, 'tools') && sent.toolsOptional,
    said: [/\btools?\b|\btool_use\b|function.?(call|decl)|[`'"]functions[`'"]|工具|函数调用/i],
    unless: /\broles?\b/i,
    next: () => ({ tools: false }),
  },
  {
    name: 'system role',
    when: (sent, now) => sent.hasSystem && now.systemRole !== 'user',
    said: [
      /(system|developer)( message| role| prompt| instruction)|role.*(system|developer|user)|(user|assistant).*\broles?\b|['"`](system|developer)['"`]|only (user|assistant)|must alternate|start with a user|(system|developer)\s?角色/i,
    ],
    next: ({ systemRole }, { text }) => ({
      systemRole: systemRole === 'system' && /developer/i.test(text) ? 'developer' : 'user',
    }),
  },
  {
    name: 'content',
    when: (sent, now) => sent.hasToolCalls && now.nullContent,
    said: [/content/i, /null|none|string|required|empty|missing|不能为空/i],
    next: () => ({ nullContent: false }),
  },
]

/** The field is accepted, but not this value; the value of another task may be. */
const ABOUT_VALUE =
  /above maximum|below minimum|too (long|large|small|many)|out of range|must be (between|in|less|greater|at|<|>|≤|≥|one of)|(less|greater) than|[<>]=|expected a value|\bbetween\b|supported values are|one of|范围/i

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

/** Returns a refusal as the lessons read it: names in camel case also count in the form of the request: maxTokens, topP. */
export function refusalOf(text: string, param: string): Refusal {
  const snake = text.replaceAll(
    /([a-z])([A-Z])/g,
    (_, before: string, after: string) => `${before}_${after.toLowerCase()}`,
  )
  return { text: snake === text ? text : `${text} ${snake}`, param }
}
