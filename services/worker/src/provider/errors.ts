import type { Failure } from '@agentfleet/domain'
import { isRecord, textOf, wellFormed } from './shape.ts'

/**
 * Errors of providers, as status and body or as an event within an answer that began well (status 200).
 *
 * Bodies differ: OpenAI's `error`, Anthropic's `{type: "error"}`, Google's list, vLLM's flat object, FastAPI's
 * `detail`, plain text, pages of HTML. Invariants: an error keeps its own class wherever it stands; no key of
 * a provider is in a message; a message has at most MESSAGE_MAX characters.
 */
export interface ProviderError {
  /** The HTTP status, or the one that the code within the body stands for. */
  readonly status: number
  readonly message: string
  /** Which field of the request it is about, when it says so. */
  readonly param: string | undefined
  readonly code: string | undefined
}

/** Messages of failures end up in the log: long enough to help, short enough to keep. */
const MESSAGE_MAX = 300
const PAYMENT_REQUIRED = 402
const OK_BELOW = 300
/** Stands for an error within an answer that says nothing of its kind: the provider's own trouble. */
const BAD_GATEWAY = 502

/** Words in codes and types, in the order in which they are looked for, and the status they stand for. */
const STATUS_OF_WORD: readonly (readonly [RegExp, number])[] = [
  [/insufficient_quota|billing|payment|credit|balance/i, PAYMENT_REQUIRED],
  [/rate_?limit|too_many_requests|throttl|resource_exhausted|quota/i, 429],
  [/context_length|context_window|string_above_max|too_long|too_large/i, 400],
  [/content_filter|content_policy|safety|moderation/i, 451],
  [/invalid_api_key|authentication|unauthenticated|unauthorized/i, 401],
  [/permission|forbidden/i, 403],
  [/not_found|model_not_found|unknown_model/i, 404],
  [/overloaded|unavailable|capacity/i, 503],
  [/timeout|deadline/i, 504],
  [/server_error|internal|api_error|upstream|bad_gateway/i, BAD_GATEWAY],
  [/invalid|bad_request|unsupported|validation|failed_precondition/i, 400],
]
/** Sentences that name their class where code and type do not. */
const STATUS_OF_SENTENCE: readonly (readonly [RegExp, number])[] = [
  [/exceeded your current quota|insufficient (credits|balance|quota)|billing/i, PAYMENT_REQUIRED],
  [/rate limit|too many requests/i, 429],
  [/maximum context length|context window|prompt is too long|too many tokens/i, 400],
  [/overloaded|try again later|temporarily unavailable/i, 503],
]

/** Reads the body of a refusal. */
export function readRefusal(status: number, body: string): ProviderError {
  const parsed = parse(body)
  const error = readError(parsed)
  const said = error?.message ?? plainText(body)
  const message = said === '' ? `the provider answered ${status} without a reason` : said
  const noMoney = error !== undefined && statusOf(error, message) === PAYMENT_REQUIRED
  return {
    status: noMoney && (status === 429 || status === 403) ? PAYMENT_REQUIRED : status,
    message,
    param: error?.param,
    code: error?.code,
  }
}

/** The error that a JSON value of an answer reports, or undefined when it reports none. */
export function readAnswerError(value: unknown): ProviderError | undefined {
  if (!reportsError(value)) return undefined
  const error = readError(value) ?? {
    message: '',
    param: undefined,
    code: undefined,
    type: undefined,
    status: undefined,
  }
  const message = error.message === '' ? 'the provider gave up within its answer' : error.message
  return {
    status: statusOf(error, message) ?? BAD_GATEWAY,
    message,
    param: error.param,
    code: error.code,
  }
}

/** The failure of a provider's error; keys are removed from its message. */
export function failureOfError(
  error: ProviderError,
  retryAfterMs: number | undefined,
  key: string | undefined,
): Failure {
  const message = safeMessage(error.message, key)
  if (error.status === 451) return { kind: 'withheld', message }
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  const scope = error.status === 429 && WHOLE_KEY.test(error.message) ? { wholeKey: true } : {}
  return { kind: 'status', status: error.status, message, ...wait, ...scope }
}

/** A rate limit of everything behind a key. Limits "for MODEL in organization …" are those of one model. */
const WHOLE_KEY =
  /\b(this|your) (api )?(key|account|project|workspace|subscription|plan)\b|\ball models\b|per[- ]day|daily (limit|quota)|account[- ]level/i

/** Shapes of keys and of other secrets that providers repeat in their messages. */
const SECRETS = [
  /\b(sk|pk|rk|gsk|xai|nvapi|hf|r8|key|tok|api)[-_][\w*.-]{6,}/gi,
  /\bAIza[\w-]{10,}/g,
  /\b(bearer|basic)\s+[\w.+/=*-]{6,}/gi,
  /\beyJ[\w-]+\.[\w-]+(\.[\w-]+)?/g,
  /\b(api[-_ ]?key|token|secret|password)(["']?\s*[:=]\s*["']?)[^\s"',;]{4,}/gi,
  /\/\/[^\s/@]+:[^\s/@]+@/g,
]

/** A message without secrets, cut to its limit. */
export function safeMessage(message: string, key: string | undefined): string {
  const own = key === undefined || key.length < 4 ? message : message.replaceAll(key, '[key]')
  const clean = SECRETS.reduce((text, secret) => text.replace(secret, '[key]'), own)
  return wellFormed(clean.slice(0, MESSAGE_MAX))
}

interface RawError {
  readonly message: string
  readonly param: string | undefined
  readonly code: string | undefined
  readonly type: string | undefined
  readonly status: number | undefined
}

function reportsError(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0 && reportsError(value[0])
  if (!isRecord(value)) return false
  if (value['error'] !== undefined && value['error'] !== null && value['error'] !== false)
    return true
  if (value['type'] === 'error' || value['object'] === 'error') return true
  // Without an answer beside it, one of these is all that the provider has to say.
  const answer = value['choices'] ?? value['usage'] ?? value['object']
  return (
    answer === undefined &&
    ['detail', 'errors', 'error_code', 'error_msg'].some((name) => value[name] !== undefined)
  )
}

function readError(value: unknown): RawError | undefined {
  if (Array.isArray(value)) return readError(value[0])
  if (!isRecord(value)) return undefined
  const inner = value['error'] ?? value['errors'] ?? value['detail'] ?? value
  const error = Array.isArray(inner) ? inner[0] : inner
  // { error: "TypeError", message: "…" }: the word is the type, the sentence is the message.
  if (typeof error === 'string') {
    const message = value === inner ? error : (textOf(value['message']) ?? error)
    return { message, param: undefined, ...outer(value) }
  }
  if (!isRecord(error)) return undefined
  const place = Array.isArray(error['loc']) ? error['loc'].at(-1) : undefined
  const message =
    error['message'] ?? error['msg'] ?? error['detail'] ?? value['message'] ?? value['error_msg']
  return {
    message:
      typeof message === 'string' ? message : message === undefined ? '' : JSON.stringify(message),
    param: textOf(error['param']) ?? textOf(place),
    code: wordOf(error['code']) ?? wordOf(value['code']) ?? wordOf(value['error_code']),
    type: wordOf(error['type']) ?? wordOf(error['status']) ?? wordOf(value['type']),
    status:
      statusNumber(error['code']) ??
      statusNumber(error['status']) ??
      statusNumber(value['code']) ??
      statusNumber(value['status']) ??
      statusNumber(error['status_code']),
  }
}

function outer(value: Readonly<Record<string, unknown>>) {
  return {
    code: wordOf(value['code']),
    type: wordOf(value['type']),
    status: statusNumber(value['code']) ?? statusNumber(value['status']),
  }
}

function statusOf({ status, code, type }: RawError, message: string): number | undefined {
  const words = [code, type].filter((word) => word !== undefined)
  const named = words.map((word) => STATUS_OF_WORD.find(([pattern]) => pattern.test(word))?.[1])
  if (named[0] === PAYMENT_REQUIRED || named[1] === PAYMENT_REQUIRED) return PAYMENT_REQUIRED
  // A code that names its class says more than a type such as invalid_request_error.
  return status ?? named.find((found) => found !== undefined) ?? statusOfSentence(message)
}

function statusOfSentence(message: string): number | undefined {
  return STATUS_OF_SENTENCE.find(([pattern]) => pattern.test(message))?.[1]
}

function statusNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number)) return undefined
  return number >= OK_BELOW && number < 600 ? number : undefined
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && Number.isNaN(Number(value))
    ? value
    : undefined
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** What a page says, without its marks. */
function plainText(body: string): string {
  const text = body.replaceAll(/<(script|style)[\s\S]*?<\/\1>|<[^>]*>/gi, ' ')
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, MESSAGE_MAX)
}
