/** The words and sentences with which providers say what kind of error it is; a new one is one entry. */

/** No money or credit is left at the key. */
export const PAYMENT_REQUIRED = 402
/** The request is wrong; higher statuses are refusals, too. */
export const BAD_REQUEST = 400
const UNAUTHORIZED = 401
const FORBIDDEN = 403
const NOT_FOUND = 404
const TOO_LARGE = 413
const TOO_MANY_REQUESTS = 429
/** The status of an answer, or a prompt, that a filter withheld. */
export const WITHHELD = 451
const SERVER_ERROR = 500
/** The status of an error within an answer that names no kind: the provider's own fault. */
export const BAD_GATEWAY = 502

/** Words in codes and types in the order of the search, and the status that each implies. */
const STATUS_OF_WORD: readonly (readonly [RegExp, number])[] = [
  [
    /insufficient_(user_)?quota|exceeded_current_quota|billing|payment|credit|(?<!load_?)balance|arrear|overdue/i,
    PAYMENT_REQUIRED,
  ],
  [/rate_?limit|too_many_requests|throttl|resource_exhausted|quota/i, TOO_MANY_REQUESTS],
  [/context_(length|size)|context_window|string_above_max|too_long|too_large/i, BAD_REQUEST],
  [
    /content_?filter|content_?policy|safety|moderation|inspection|sensitive|policy_?violation/i,
    WITHHELD,
  ],
  [/invalid_api_key|authentication|unauthenticated|unauthorized/i, UNAUTHORIZED],
  [/permission|forbidden/i, FORBIDDEN],
  [/not_found|model_not_found|unknown_model/i, NOT_FOUND],
  [/overloaded|unavailable|capacity|not_?ready|loading/i, 503],
  [/timed?_?out|deadline/i, 504],
  [/server_error|internal|api_error|upstream|bad_gateway/i, BAD_GATEWAY],
  [
    /invalid|bad_request|unsupported|validation|failed_precondition|missing|value_error|extra_forb/i,
    BAD_REQUEST,
  ],
]

/** The key has no money, in a sentence. */
const NO_MONEY =
  /insufficient (credits?|balance|quota|funds)|(credit|account) balance is too low|out of credits|used all (of )?(its |your )?(available )?credits|spend(ing)? limit|unpaid invoice|past invoices|account is in good standing|account (\S+ )?is suspended|余额不足|欠费|请充值|arrears/i
/** The provider does not accept the key, in a sentence. */
const BAD_KEY =
  /(invalid|incorrect|expired|wrong|unknown) (api|access|auth\w*)[ _-]?(key|token)|(api|access)[ _-]?(key|token) (\S+ )?(is |was )?(not valid|invalid|expired|incorrect|not found|revoked)|invalid x-api-key/i
/** The model is not there, in a sentence. */
export const NO_MODEL =
  /model_not_found|unknown.?model|no such model|model( \S+)? (does not exist|not exist|(is |was )?not found|has been (decommissioned|deprecated|removed|retired|shut down))|model_decommissioned|model identifier is invalid|invalid model name|deployment for this resource does not exist|模型不存在/i
/** The prompt is longer than the model can read, in a sentence. */
export const TOO_LONG =
  /context.?(length|window|size|limit)|(prompt|input|request|messages?)( length)?( \S+)? (is |are |was )?(too (long|large)|exceeds?\b)|reduce the length|too many (input )?tokens\b(?!.{0,20}wait)|token (limit|count).{0,30}exceed|string_above_max|payload too large|range of input length|maximum (allowed )?(input|prompt|number of input)|max_seq_len|max_model_len|(inputs|prompt)\S? (tokens )?must have less than|上下文长度|输入长度/i
/** What a filter says about a prompt or an answer. */
const FILTERED =
  /inappropriate content|content (management )?policy|content_filter|content_policy|(input|prompt|request) was flagged|data_?inspection_?failed|sensitive_words|responsibleaipolicy/i

/** Sentences that name the kind of error where code and type do not. */
const STATUS_OF_SENTENCE: readonly (readonly [RegExp, number])[] = [
  [/rate limit (is )?(reached|exceeded)|too many requests/i, TOO_MANY_REQUESTS],
  [/exceeded your current quota|billing/i, PAYMENT_REQUIRED],
  [NO_MONEY, PAYMENT_REQUIRED],
  [
    /rate limit|too many requests|\bqps\b|request limit reached|速率限制|频率限制/i,
    TOO_MANY_REQUESTS,
  ],
  [FILTERED, WITHHELD],
  [/overloaded|try again later|\bunavailable\b/i, 503],
  [BAD_KEY, UNAUTHORIZED],
  [/authentication (error|failed)|unauthorized|access denied/i, UNAUTHORIZED],
  [NO_MODEL, NOT_FOUND],
]

/** An error of a provider in its own words. */
export interface ErrorWords {
  readonly message: string
  readonly code?: string | undefined
  readonly type?: string | undefined
  /** A status in its body. */
  readonly status?: number | undefined
}

/** Returns the status that the words of an error within an answer imply. */
export function statusOfWords({ message, code, type, status }: ErrorWords): number | undefined {
  const words = [code, type].filter((word) => word !== undefined)
  const named = words.map((word) => STATUS_OF_WORD.find(([pattern]) => pattern.test(word))?.[1])
  if (named.includes(PAYMENT_REQUIRED)) return PAYMENT_REQUIRED
  // A code that names its class is more precise than a type such as invalid_request_error.
  const word = named.find((found) => found !== undefined)
  // "Invalid request" is a word for everything, so a sentence that names its kind is more precise.
  const vague = word === undefined || word === BAD_REQUEST || word === BAD_GATEWAY
  const sentence = vague
    ? STATUS_OF_SENTENCE.find(([pattern]) => pattern.test(message))?.[1]
    : undefined
  if (status === undefined && vague && isTooLong(message)) return BAD_REQUEST
  return status === undefined ? (sentence ?? word) : trueStatus(status, { message, code, type })
}

/**
 * Returns the status that a refusal means. Gateways answer 400 or 500 for everything, and some
 * providers answer 429 to a request that they will never accept: repeating it, or not asking the next
 * provider, would follow from the number alone.
 */
export function trueStatus(
  status: number,
  { message, code = '', type = '' }: Omit<ErrorWords, 'status'>,
): number {
  const isOneOf = (...statuses: readonly number[]): boolean => statuses.includes(status)
  const words = `${code} ${type}`
  if (isOneOf(BAD_REQUEST, FORBIDDEN, 412, TOO_MANY_REQUESTS)) {
    if (NO_MONEY.test(message) || STATUS_OF_WORD[0]?.[0].test(words)) return PAYMENT_REQUIRED
  }
  if (status === TOO_MANY_REQUESTS) return neverFits(message) ? TOO_LARGE : status
  if (isOneOf(BAD_REQUEST, FORBIDDEN, 422)) {
    if (FILTERED.test(`${words} ${message}`)) return WITHHELD
    if (BAD_KEY.test(message)) return UNAUTHORIZED
  }
  if (isOneOf(BAD_REQUEST, 422)) {
    if (NO_MODEL.test(`${words} ${message}`)) return NOT_FOUND
    if (/throttl/i.test(words)) return TOO_MANY_REQUESTS
  }
  return status >= SERVER_ERROR && isTooLong(`${words} ${message}`) ? TOO_LARGE : status
}

/** Words about the length of a prompt; a queue or a rate has a limit, too. */
const ABOUT_PROMPT = /context|prompt|\binput\b|\btokens?\b|_len\b|上下文|输入/i
const ABOUT_LOAD =
  /rate.?limit|per (minute|min|second|day)|overload|queue|capacity|concurren|time.?(out|limit)|try again|please wait|later|busy/i

/** Whether a message says without doubt that the prompt does not fit, so that no repetition helps. */
function isTooLong(text: string): boolean {
  return TOO_LONG.test(text) && ABOUT_PROMPT.test(text) && !ABOUT_LOAD.test(text)
}

/** A limit of tokens a minute, and a single request above it. */
const ABOVE_LIMIT = /\blimit:? (\d{1,12}),? requested:? (\d{1,12})\b/i

/** Whether one request exceeds a rate limit alone, so that no pause lets it through. */
function neverFits(message: string): boolean {
  const [, limit, requested] = ABOVE_LIMIT.exec(message.replaceAll(/(\d),(\d{3})\b/g, '$1$2')) ?? []
  return Number(requested) > Number(limit)
}

/** A provider refuses what its own model wrote: a call or JSON that its parser cannot read. */
export const OWN_ANSWER =
  /tool_use_failed|json_validate_failed|failed_generation|output_parse_failed/i
