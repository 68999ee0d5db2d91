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
  const ms = numberOf(read('retry-after-ms'))
  if (ms !== undefined) return Math.ceil(ms)
  return waitOf(read('retry-after'), nowMs) ?? resetOf(read, nowMs)
}

/** For providers without Retry-After: when the exhausted limit is full again. */
function resetOf(read: ReadHeader, nowMs: number): number | undefined {
  const usedUp = ['requests', 'tokens'].filter((of) => leftText(read, of) === '0')
  const waits = usedUp.map((of) => waitOf(read(`x-ratelimit-reset-${of}`), nowMs))
  const known = waits.filter((wait) => wait !== undefined)
  if (known.length > 0) return Math.max(...known)
  if (read('x-ratelimit-remaining')?.trim() !== '0') return undefined
  return waitOf(read('x-ratelimit-reset'), nowMs)
}

function leftText(read: ReadHeader, of: string): string | undefined {
  return read(`x-ratelimit-remaining-${of}`)?.trim()
}

/** Larger numbers are times, in seconds or milliseconds since 1970. */
const INSTANT_SECONDS = 1_000_000_000
const INSTANT_MS = 1_000_000_000_000

/** Reads a pause in seconds, as 1m2.5s, or as the time of its end; ignores everything else. */
function waitOf(text: string | null | undefined, nowMs: number): number | undefined {
  const number = numberOf(text)
  if (number !== undefined) {
    if (number >= INSTANT_MS) return Math.ceil(number - nowMs)
    return Math.ceil(number >= INSTANT_SECONDS ? number * 1_000 - nowMs : number * 1_000)
  }
  if (typeof text !== 'string') return undefined
  // Without the name of a month, a date parser accepts nearly any text.
  const atMs = MONTH.test(text) || /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(atMs) ? durationOf(text.trim()) : atMs - nowMs
}

const MONTH = /\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)/i
const DURATION =
  /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/
/** Milliseconds of the units in DURATION: day, hour, minute, second, millisecond. */
const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1_000, 1] as const

function durationOf(text: string): number | undefined {
  const counts = DURATION.exec(text)?.slice(1)
  if (text === '' || counts === undefined) return undefined
  return Math.ceil(UNITS_MS.reduce((sum, unit, at) => sum + unit * Number(counts[at] ?? 0), 0))
}

/** Returns the pause that a sentence asks for ("try again in 6.5s"), in milliseconds. */
export function askedWaitIn(message: string): number | undefined {
  const asked =
    /(?:try again|retry)(?: after| in)? (\d[\d.]{0,9})\s?(ms|s|m|seconds?|minutes?)?/i.exec(message)
  const units = /(?:try again|retry) in ((?:\d{1,6}[dhm])+(?:\d[\d.]{0,9}s)?)(?![a-z])/i.exec(
    message,
  )
  const compound = units?.[1] === undefined ? undefined : durationOf(units[1])
  if (compound !== undefined) return Math.min(RETRY_AFTER_MAX_MS, compound)
  if (asked?.[1] === undefined || asked[2] === undefined) return undefined
  const unit = asked[2].toLowerCase()
  const unitMs = unit === 'ms' ? 1 : unit.startsWith('m') ? 60_000 : 1_000
  const waitMs = Math.ceil(Number(asked[1]) * unitMs)
  return Number.isNaN(waitMs) ? undefined : Math.min(RETRY_AFTER_MAX_MS, waitMs)
}

function numberOf(text: string | null | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,15}(\.\d{1,9})?$/.test(text.trim())
    ? Number(text)
    : undefined
}
