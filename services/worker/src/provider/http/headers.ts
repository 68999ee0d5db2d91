/** The rate limits in the headers of a provider's answer, as OpenAI and most others send them. */
export interface RateHints {
  readonly rpm?: number
  readonly tpm?: number
  readonly requestsLeft?: number
  readonly tokensLeft?: number
  /** The pause that a refusal asks for. */
  readonly retryAfterMs?: number
}

/** Reads one header. */
export type ReadHeader = (name: string) => string | null | undefined

/** Returns the hints; absent and invalid headers are omitted. */
export function rateHintsOf(read: ReadHeader, nowMs: number): RateHints {
  const hints = {
    rpm: limitOf(read('x-ratelimit-limit-requests')),
    tpm: limitOf(read('x-ratelimit-limit-tokens')),
    requestsLeft: leftOf(read, 'requests'),
    tokensLeft: leftOf(read, 'tokens'),
    retryAfterMs: retryAfterOf(read, nowMs),
  }
  return Object.fromEntries(Object.entries(hints).filter(([, value]) => value !== undefined))
}

function countOf(text: string | null | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,12}$/.test(text) ? Number(text) : undefined
}

/** Returns the remainder of a limit; a limit of 0 means that there is none. */
function leftOf(read: ReadHeader, of: 'requests' | 'tokens'): number | undefined {
  const none = countOf(read(`x-ratelimit-limit-${of}`)) === 0
  return none ? undefined : countOf(read(`x-ratelimit-remaining-${of}`))
}

/** Returns a limit; 0 means no limit, because an endpoint that refuses every call makes no sense. */
function limitOf(text: string | null | undefined): number | undefined {
  return countOf(text) || undefined
}

/**
 * Milliseconds of the longest pause that a provider can ask for; after that the call is tried
 * again.
 */
export const RETRY_AFTER_MAX_MS = 300_000

/**
 * Reads milliseconds, seconds or a date (RFC 9110), in this order; cuts days to RETRY_AFTER_MAX_MS.
 */
function retryAfterOf(read: ReadHeader, nowMs: number): number | undefined {
  const waitMs = askedWaitMs(read, nowMs)
  return waitMs === undefined ? undefined : Math.min(RETRY_AFTER_MAX_MS, Math.max(0, waitMs))
}

function askedWaitMs(read: ReadHeader, nowMs: number): number | undefined {
  const ms = numberOf(read('retry-after-ms')) ?? numberOf(read('x-ms-retry-after-ms'))
  if (ms !== undefined) return Math.ceil(ms)
  return waitOf(read('retry-after'), nowMs) ?? resetOf(read, nowMs)
}

/** The names of a limit's remainder and of the time when it is full again, by their makers. */
const RESETS: readonly (readonly [remaining: string, reset: string])[] = [
  ['x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests'],
  ['x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens'],
  ['anthropic-ratelimit-requests-remaining', 'anthropic-ratelimit-requests-reset'],
  ['anthropic-ratelimit-tokens-remaining', 'anthropic-ratelimit-tokens-reset'],
]
/** The limit of the whole key; it counts only where no other limit is named. */
const RESETS_OF_ALL: readonly (readonly [remaining: string, reset: string])[] = [
  ['x-ratelimit-remaining', 'x-ratelimit-reset'],
  ['x-ratelimit-remaining', 'x-ratelimit-reset-after'],
  ['ratelimit-remaining', 'ratelimit-reset'],
]

/** For providers without Retry-After: when the exhausted limit is full again. */
function resetOf(read: ReadHeader, nowMs: number): number | undefined {
  for (const limits of [RESETS, RESETS_OF_ALL]) {
    const waits = limits
      .filter(([remaining]) => Number(read(remaining)?.trim() || 1) <= 0)
      .map(([, reset]) => waitOf(read(reset), nowMs))
      .filter((wait) => wait !== undefined)
    if (waits.length > 0) return Math.max(...waits)
  }
  return undefined
}

/** Larger numbers are times, in seconds or milliseconds since 1970. */
const INSTANT_SECONDS = 1_000_000_000
const INSTANT_MS = 1_000_000_000_000

/** Reads a pause in seconds, as 1m2.5s, or as the time of its end; ignores everything else. */
function waitOf(text: string | null | undefined, nowMs: number): number | undefined {
  if (typeof text !== 'string') return undefined
  // A number in quotes, with a sign, or in front of a comment or of further values.
  const [, plain = text] = /^\s*["'+]?(\d[\d.]*)["']?\s*(?:[,;].*)?$/.exec(text) ?? []
  const number = numberOf(plain)
  if (number !== undefined) {
    if (number >= INSTANT_MS) return Math.ceil(number - nowMs)
    return Math.ceil(number >= INSTANT_SECONDS ? number * 1_000 - nowMs : number * 1_000)
  }
  // Without the name of a month, a date parser accepts nearly any text.
  const zoned = text.trim().replace(/^(\d{4}-\d\d-\d\d) ([\d:.]+)$/, '$1T$2Z')
  const atMs = MONTH.test(zoned) || /^\d{4}-\d\d-\d\dT/.test(zoned) ? Date.parse(zoned) : Number.NaN
  return Number.isNaN(atMs) ? durationOf(text.trim().replace(/^PT(?=\d)/, '')) : atMs - nowMs
}

const MONTH = /\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)/i
/** A number with its unit; the names of units in full or as their first letters. */
const PART =
  '(\\d{1,9}(?:\\.\\d{1,20})?)\\s?(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])'
const DURATION = new RegExp(`(?:${PART}[\\s,.]*(?:and )?)+`, 'i')
/** Milliseconds of the units by their first letters. */
const UNITS_MS: readonly (readonly [RegExp, number])[] = [
  [/^m(s|illi)/i, 1],
  [/^s/i, 1_000],
  [/^m/i, 60_000],
  [/^h/i, 3_600_000],
  [/^d/i, 86_400_000],
]

/** Returns the milliseconds of a text that consists only of numbers with units. */
function durationOf(text: string): number | undefined {
  if (DURATION.exec(text)?.[0] !== text || text === '') return undefined
  let waitMs = 0
  for (const [, count, unit = ''] of text.matchAll(new RegExp(PART, 'gi'))) {
    waitMs += Number(count) * (UNITS_MS.find(([name]) => name.test(unit))?.[1] ?? 0)
  }
  return Math.ceil(waitMs)
}

/** A sentence that asks for a pause. */
const ASKED = new RegExp(
  `(?:try again|retry|wait|resets?|available)(?:[ -]after)?(?: in| for| at least)?:? (${DURATION.source})`,
  'i',
)

/** Returns the pause that a sentence asks for ("try again in 6.5s"), in milliseconds. */
export function askedWaitIn(message: string): number | undefined {
  const asked = ASKED.exec(message)?.[1]
  const waitMs = asked === undefined ? undefined : durationOf(asked)
  return waitMs === undefined ? undefined : Math.min(RETRY_AFTER_MAX_MS, waitMs)
}

function numberOf(text: string | null | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,300}(\.\d{1,20})?$/.test(text.trim())
    ? Number(text)
    : undefined
}
