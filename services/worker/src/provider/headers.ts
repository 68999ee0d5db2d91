/** What a provider's answer says of its limits, in the headers that OpenAI and most others send. */
export interface RateHints {
  readonly rpm?: number
  readonly tpm?: number
  readonly requestsLeft?: number
  readonly tokensLeft?: number
  /** When to come back, of a refusal. */
  readonly retryAfterMs?: number
}

/** Reads one header. */
export type ReadHeader = (name: string) => string | null | undefined

/** What is not there, or is nonsense, is left out. */
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

/** What is left of a limit; where the limit itself is 0 there is none, and nothing is left of it. */
function leftOf(read: ReadHeader, of: 'requests' | 'tokens'): number | undefined {
  const none = countOf(read(`x-ratelimit-limit-${of}`)) === 0
  return none ? undefined : countOf(read(`x-ratelimit-remaining-${of}`))
}

/** A limit of 0 a minute would be an endpoint that answers nobody: it means that there is none. */
function limitOf(text: string | null | undefined): number | undefined {
  return countOf(text) || undefined
}

/** Longest wait that a provider can ask for: behind it the call is tried again. */
export const RETRY_AFTER_MAX_MS = 300_000

/** Milliseconds, seconds, or a date (RFC 9110), in this order; days are cut to RETRY_AFTER_MAX_MS. */
function retryAfterOf(read: ReadHeader, nowMs: number): number | undefined {
  const waitMs = askedWaitMs(read, nowMs)
  return waitMs === undefined ? undefined : Math.min(RETRY_AFTER_MAX_MS, Math.max(0, waitMs))
}

function askedWaitMs(read: ReadHeader, nowMs: number): number | undefined {
  const ms = numberOf(read('retry-after-ms'))
  if (ms !== undefined) return Math.ceil(ms)
  const text = read('retry-after')
  const seconds = numberOf(text)
  if (seconds !== undefined) return Math.ceil(seconds * 1_000)
  const atMs = typeof text === 'string' ? Date.parse(text) : Number.NaN
  return Number.isNaN(atMs) ? undefined : atMs - nowMs
}

function numberOf(text: string | null | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,15}(\.\d{1,9})?$/.test(text.trim())
    ? Number(text)
    : undefined
}
