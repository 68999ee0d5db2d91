import type { Failure } from '@agentfleet/domain'
import { plainText, safeMessage } from './safe-message.ts'
import {
  firstIn,
  isRecord,
  isShallow,
  isSignOfLife,
  parseJson,
  textOf,
  type JsonObject,
} from './shape.ts'
import { askedWaitIn } from './http/waits.ts'
import {
  BAD_GATEWAY,
  BAD_REQUEST,
  OWN_ANSWER,
  PAYMENT_REQUIRED,
  statusOfWords,
  trueStatus,
  WITHHELD,
  type ErrorWords,
} from './error-kinds.ts'

/**
 * Errors of providers: a status and body, or an event within an answer with status 200.
 *
 * The bodies differ: OpenAI's `error`, Anthropic's `{type: "error"}`, Google's list, vLLM's flat
 * object, FastAPI's `detail`, plain text, HTML pages. Invariants: an error has the same class in
 * every form; every message of a failure is safe to show (`safe-message.ts`).
 */
export interface ProviderError {
  /** The HTTP status, or the status that the code in the body implies. */
  readonly status: number
  readonly message: string
  /** The field of the request that the error names. */
  readonly param?: string | undefined
  readonly code?: string | undefined
  /** The pause that the provider asks for, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}

const OK_BELOW = 300

/** A byte order mark, and the fields of a refusal that is an event. */
const IN_FRONT = /^[\s\uFEFF]*((event:[^\n]*\n)?data:)?/i

/** Reads the body of a refusal. */
export function readRefusal(status: number, body: string, location?: string): ProviderError {
  const parsed = parseJson(body.replace(IN_FRONT, ''))
  const error = isShallow(parsed) ? readError(parsed) : undefined
  const said = error?.message ?? plainText(body)
  const message = status < BAD_REQUEST ? redirectedTo(location) : said || noReason(status)
  const words: ErrorWords = { ...error, message }
  // Without a number in the body, its words say why a request was turned away.
  const noMoney =
    words.status === undefined &&
    (status === 429 || status === 403) &&
    statusOfWords(words) === PAYMENT_REQUIRED
  return errorOf(noMoney ? PAYMENT_REQUIRED : trueStatus(status, words), message, error)
}

function errorOf(status: number, message: string, said: RawError | undefined): ProviderError {
  const { param, code, retryAfterMs = askedWaitIn(message) } = said ?? {}
  return { status, message, param, code, retryAfterMs }
}

function noReason(status: number): string {
  return `the provider answered ${status} without a reason`
}

function redirectedTo(location: string | undefined): string {
  const place = location === undefined ? 'elsewhere' : `to ${location}`
  return `the provider redirects ${place}; the worker follows no redirects, so set the base URL to the target`
}

/**
 * Returns the error that a JSON value of an answer reports; undefined if it reports none. `named`:
 * its event is called an error.
 */
export function readAnswerError(value: unknown, named = false): ProviderError | undefined {
  if (!named && !reportsError(value)) return undefined
  const error = isShallow(value) ? readError(value) : undefined
  const said = error?.message ?? textOf(value)
  const message = said || 'the provider reported an error within its answer'
  return errorOf(statusOfWords({ ...error, message }) ?? BAD_GATEWAY, message, error)
}

/** Returns the error that a choice reports in place of its message or within it. */
export function readChoiceError(choice: JsonObject): ProviderError | undefined {
  const { error, delta, message } = choice
  const found =
    error ??
    (isRecord(delta) ? delta['error'] : undefined) ??
    (isRecord(message) ? message['error'] : undefined)
  return saysSomething(found) ? readAnswerError({ error: found }) : undefined
}

/** Converts a provider's error to a failure without keys in its message. */
export function failureOfError(error: ProviderError, key: string | undefined): Failure {
  const message = safeMessage(error.message, key)
  if (error.status === WITHHELD) return { kind: 'withheld', message }
  // Its model wrote nonsense; another attempt may get a better answer.
  if (OWN_ANSWER.test(`${error.code} ${error.message}`)) return { kind: 'malformed', message }
  const { retryAfterMs } = error
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  // Without a stated time the end of the pause is a guess, which must not stop the key's other models.
  const named = error.status === 429 && retryAfterMs !== undefined && isOfWholeKey(error.message)
  const scope = named ? { wholeKey: true } : {}
  return { kind: 'status', status: error.status, message, ...wait, ...scope }
}

/**
 * A rate limit of the whole key; advice ("check your plan"), later sentences and a limit's period ("per day")
 * do not count.
 */
const WHOLE_KEY =
  /\b(this|(?<!check )your) (api )?(key|account|project|workspace|subscription|plan)\b|\ball models\b|account[- ]level/i

/** Limits "for MODEL in organization …", and quotas that name a model, apply to that model. */
const ONE_MODEL = /\bfor (model )?\S+ in organization|\bmodel[:=] ?\S/i

function isOfWholeKey(message: string): boolean {
  const [sentence = ''] = message.split(/[.!?]\s/, 1)
  return WHOLE_KEY.test(sentence) && !ONE_MODEL.test(message)
}

interface RawError extends ErrorWords {
  readonly param?: string | undefined
  readonly retryAfterMs?: number | undefined
}

/** Fields that are an error if the value has no answer. */
const LONE_ERROR = ['detail', 'errors', 'error_code', 'error_msg']
const LONE_SENTENCE = ['message', 'msg', 'Message']

function reportsError(value: unknown): boolean {
  if (Array.isArray(value)) return isRecord(value[0]) && reportsError(value[0])
  if (!isRecord(value)) return false
  const { error, choices, base_resp: base } = value
  const answers = Array.isArray(choices)
  // In an answer, an error field may be present and empty, or report success.
  if (isRecord(error) && reportsSuccess(error) && SUCCESS.test(textOf(error['message']) ?? 'ok')) {
    return false
  }
  if (answers ? saysSomething(error) : error !== undefined && error !== null && error !== false) {
    return true
  }
  if (value['type'] === 'error' || value['object'] === 'error') return true
  if (isRecord(base) && saysSomething(base['status_code'])) return true
  // Without an answer, one of these fields is an error.
  const answer = choices ?? value['usage'] ?? value['object']
  if (answer !== undefined) return false
  return (
    LONE_ERROR.some((name) => saysSomething(value[name])) ||
    strangeErrorIn(value) !== undefined ||
    (statusAmong(value) ?? 0) >= BAD_REQUEST ||
    (LONE_SENTENCE.some((name) => saysSomething(textOf(value[name]))) && !reportsSuccess(value))
  )
}

/** Returns the error in a field whose name only begins like one: Error, errorMessage, fault. */
function strangeErrorIn(value: JsonObject): unknown {
  const names = Object.keys(value).filter((name) => STRANGE_ERROR.test(name))
  const said = names.filter((name) => saysSomething(value[name]))
  const named = said.find((name) => isRecord(value[name]))
  // Bedrock's field is called like the class of the error.
  if (named !== undefined) return { type: named, ...(value[named] as JsonObject) }
  return said.map((name) => value[name]).find((error) => typeof error === 'string')
}

const STRANGE_ERROR = /^(error|fault|exception)(_?message|_?msg|_?string)?$|^[a-z]+Exception$/i

/** Whether the code next to a sentence says that nothing is wrong, as in { code: 0, msg: "ok" }. */
function reportsSuccess(value: JsonObject): boolean {
  const { code, status, success, type, event, message, msg } = value
  if (success === true || isSignOfLife(textOf(message ?? msg) ?? '')) return true
  if ([type, event].some((word) => NEWS.test(String(word)))) return true
  return [code, status].some((word) => SUCCESS.test(String(word)))
}

/** The types of values that report something other than an error. */
const NEWS =
  /^(ping|pong|heart[-_ ]?bea.|keep[-_ ]?alive|progress|status|info|warn(ing)?|notice|log|debug|start(ed)?|queued?|session|meta(data)?)$/i

const SUCCESS = /^(0|[12]\d\d|ok|success|succeeded|processing|pending|queued|running|started)$/i

/** Whether a field holds more than blanks, zeros and empty values. */
function saysSomething(value: unknown): boolean {
  if (isRecord(value)) return Object.values(value).some(saysSomething)
  if (Array.isArray(value)) return value.length > 0
  return typeof value === 'string' ? !NOTHING.test(value.trim()) : Boolean(value)
}

const NOTHING = /^(null|none|undefined|false|ok|success|0)?$/i

/** How deep errors may be wrapped in each other; gateways stand behind gateways. */
const WRAPPED_MAX = 4

/** Returns the error in a value; an error in its message supplies missing fields. */
function readError(value: unknown, levels = WRAPPED_MAX): RawError | undefined {
  const error = readOuter(value)
  if (error === undefined || levels === 0) return error
  const start = error.message.search(/[[{]/)
  const inside = start < 0 ? undefined : parseJson(error.message.slice(start))
  const inner = isShallow(inside) ? readError(inside, levels - 1) : undefined
  if (inner === undefined || inner.message === '') return error
  return {
    message: `${error.message.slice(0, start)}${inner.message}`,
    param: error.param ?? inner.param,
    code: inner.code ?? error.code,
    type: inner.type ?? error.type,
    status: inner.status ?? error.status,
    retryAfterMs: inner.retryAfterMs ?? error.retryAfterMs,
  }
}

function readOuter(value: unknown, levels = WRAPPED_MAX): RawError | undefined {
  if (Array.isArray(value)) return readOuter(value[0], levels)
  if (!isRecord(value)) return undefined
  const inner = fieldIn(value, ERROR_NAMES) ?? strangeErrorIn(value) ?? value
  const error: unknown = Array.isArray(inner) ? inner[0] : inner
  // { error: "TypeError", message: "…" }: the word is the type, the sentence is the message.
  if (typeof error === 'string') {
    const message = value === inner ? error : (textOf(value['message']) ?? error)
    const code = wordIn(value, ['code', 'errorCode'])
    const type = wordIn(value, ['type', 'error_type'])
    return { message, code, type, status: statusAmong(value) }
  }
  if (!isRecord(error)) return undefined
  // An error in an error, as gateways pass it on.
  if (error !== value && isRecord(error['error']) && levels > 0) return readOuter(error, levels - 1)
  const message = fieldIn(error, MESSAGE_NAMES) ?? value['message'] ?? value['error_msg']
  return {
    message: withReason(
      typeof message === 'string' ? message : message === undefined ? '' : JSON.stringify(message),
      error['metadata'],
    ),
    param: (textOf(error['param']) ?? placeOf(error['loc']))?.slice(0, WORD_MAX),
    retryAfterMs: waitOf(error),
    code: wordOf(error['code']) ?? wordIn(value, ['code', 'error_code', 'errorCode']),
    type: wordIn(error, ['type', 'status']) ?? wordIn(value, ['type', 'error_type']),
    status: statusAmong(error) ?? statusAmong(value),
  }
}

const ERROR_NAMES = ['error', 'errors', 'detail', 'base_resp']
const MESSAGE_NAMES = 'message msg detail status_msg faultstring title Message'.split(' ')

function fieldIn(value: JsonObject, names: readonly string[]): unknown {
  return firstIn(value, names, (field) => field ?? undefined)
}

/**
 * Returns the field that a validation error names: ["body", "messages", 0, "content"] is
 * messages.0.content.
 */
function placeOf(loc: unknown): string | undefined {
  if (!Array.isArray(loc)) return undefined
  const names = loc.filter((name) => typeof name === 'string' || typeof name === 'number')
  return names.filter((name) => name !== 'body').join('.')
}

/** Adds the reason: OpenRouter keeps the upstream message apart from its own generic one. */
function withReason(message: string, metadata: unknown): string {
  const raw = isRecord(metadata) ? textOf(metadata['raw']) : undefined
  return raw === undefined || message.includes(raw) ? message : `${message}: ${raw}`
}

/** Reads Google's RetryInfo. */
function waitOf(error: JsonObject): number | undefined {
  const details = Array.isArray(error['details']) ? error['details'].filter(isRecord) : []
  const delay = details.map(({ retryDelay }) => textOf(retryDelay)).find((text) => text)
  return delay === undefined ? undefined : askedWaitIn(`try again in ${delay}`)
}

const STATUS_NAMES =
  'code status status_code statusCode http_status http_code httpStatus httpCode http_status_code originalStatusCode'.split(
    ' ',
  )

function statusAmong(value: JsonObject): number | undefined {
  return firstIn(value, STATUS_NAMES, statusNumber)
}

function statusNumber(value: unknown): number | undefined {
  // "429" or "429 Too Many Requests".
  const number = typeof value === 'string' ? Number(/^\s*(\d{3})\b/.exec(value)?.[1]) : value
  if (typeof number !== 'number' || !Number.isInteger(number)) return undefined
  return number >= OK_BELOW && number < 600 ? number : undefined
}

function wordIn(value: JsonObject, names: readonly string[]): string | undefined {
  return firstIn(value, names, wordOf)
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && Number.isNaN(Number(value))
    ? value.slice(0, WORD_MAX)
    : undefined
}

/** Characters of a code, a type or a name of a field: patterns search them, and longer ones are none. */
const WORD_MAX = 300
