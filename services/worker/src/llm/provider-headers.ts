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
    rpm: countOf(read('x-ratelimit-limit-requests')),
    tpm: countOf(read('x-ratelimit-limit-tokens')),
    requestsLeft: countOf(read('x-ratelimit-remaining-requests')),
    tokensLeft: countOf(read('x-ratelimit-remaining-tokens')),
    retryAfterMs: retryAfterOf(read, nowMs),
  }
  return Object.fromEntries(Object.entries(hints).filter(([, value]) => value !== undefined))
}

function countOf(text: string | null | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,12}$/.test(text) ? Number(text) : undefined
}

/** Milliseconds, seconds, or a date (RFC 9110), in this order. */
function retryAfterOf(read: ReadHeader, nowMs: number): number | undefined {
  const ms = read('retry-after-ms')
  if (typeof ms === 'string' && /^\d{1,9}(\.\d+)?$/.test(ms)) return Math.ceil(Number(ms))
  const text = read('retry-after')
  if (typeof text !== 'string') return undefined
  if (/^\d{1,6}(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1_000)
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
