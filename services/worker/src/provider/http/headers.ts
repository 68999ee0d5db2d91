import { given } from '@agentfleet/domain'
import { RETRY_AFTER_MAX_MS, waitOf } from './waits.ts'

/** The rate limits in the headers of a provider's answer, as OpenAI and most others send them. */
export interface RateHints {
  readonly rpm?: number
  readonly tpm?: number
  readonly requestsLeft?: number
  readonly tokensLeft?: number
}

/** The header fields of an answer, by their names in small letters. */
export type HeaderFields = Pick<ReadonlyMap<string, string>, 'get' | 'keys'>

/** Returns the hints; absent and invalid headers are omitted. */
export function rateHintsOf(headers: HeaderFields): RateHints {
  return given({
    rpm: limitOf(headers.get('x-ratelimit-limit-requests')),
    tpm: limitOf(headers.get('x-ratelimit-limit-tokens')),
    requestsLeft: leftOf(headers, 'requests'),
    tokensLeft: leftOf(headers, 'tokens'),
  })
}

function countOf(text: string | undefined): number | undefined {
  return typeof text === 'string' && /^\d{1,12}$/.test(text) ? Number(text) : undefined
}

/** Returns the remainder of a limit; a limit of 0 means that there is none. */
function leftOf(headers: HeaderFields, of: 'requests' | 'tokens'): number | undefined {
  const none = countOf(headers.get(`x-ratelimit-limit-${of}`)) === 0
  return none ? undefined : countOf(headers.get(`x-ratelimit-remaining-${of}`))
}

/** Returns a limit; 0 means no limit, because an endpoint that refuses every call makes no sense. */
function limitOf(text: string | undefined): number | undefined {
  return countOf(text) || undefined
}

/**
 * Returns the pause that the headers of a refusal ask for, in milliseconds; days are cut to
 * RETRY_AFTER_MAX_MS. The most specific header decides: milliseconds, Retry-After (RFC 9110), then
 * the time when an exhausted limit is full again.
 */
export function retryAfterIn(headers: HeaderFields, nowMs: number): number | undefined {
  const waitMs =
    waitOf(headers.get('retry-after-ms'), nowMs, 1) ??
    waitOf(headers.get('x-ms-retry-after-ms'), nowMs, 1) ??
    waitOf(headers.get('retry-after'), nowMs) ??
    longestOf(namedResets(headers, nowMs)) ??
    longestOf(standardResets(headers, nowMs))
  return waitMs === undefined ? undefined : Math.min(RETRY_AFTER_MAX_MS, Math.max(0, waitMs))
}

function longestOf(waits: readonly number[]): number | undefined {
  return waits.length === 0 ? undefined : Math.max(...waits)
}

/** x-ratelimit-reset-requests, anthropic-ratelimit-tokens-reset, x-ratelimit-reset-tokens-day, … */
const RESET = /rate-?limit.{0,99}reset/
/** The limit of the whole key; it counts only where no other limit is named. */
const RESET_OF_ALL = /^(x-)?rate-?limit-reset(-after)?$/

/** Returns the waits of the limits that have a header for their remainder, which is 0, and for its reset. */
function namedResets(headers: HeaderFields, nowMs: number): readonly number[] {
  const names = [...headers.keys()].filter((name) => RESET.test(name))
  const exhausted = names.filter((name) => {
    const remaining = headers.get(name.replace(/reset(-after)?/, 'remaining'))?.trim()
    return Number(remaining || 1) <= 0
  })
  const specific = exhausted.filter((name) => !RESET_OF_ALL.test(name))
  return (specific.length > 0 ? specific : exhausted)
    .map((name) => waitOf(headers.get(name), nowMs))
    .filter((wait) => wait !== undefined)
}

/**
 * Returns the waits of the exhausted limits in the header RateLimit of the IETF: `"day";r=0;t=30`, or
 * in the older form `limit=10, remaining=0, reset=30`. Without a time, the window of the policy
 * counts.
 */
function standardResets(headers: HeaderFields, nowMs: number): readonly number[] {
  const limits = limitsIn(headers.get('ratelimit'))
  const policies = limitsIn(headers.get('ratelimit-policy'))
  const merged = { name: '', ...Object.assign({}, ...limits) } as Limit
  const exhausted = merged['remaining'] === undefined ? limits : [merged]
  return exhausted
    .filter(({ r, remaining = r }) => Number(remaining ?? 1) <= 0)
    .map(
      ({ name, t, reset = t }) => reset ?? policies.find((policy) => policy.name === name)?.['w'],
    )
    .map((wait) => waitOf(wait, nowMs))
    .filter((wait) => wait !== undefined)
}

/** A limit by its name, with its parameters. */
type Limit = Readonly<Record<string, string>> & { readonly name: string }

function limitsIn(text: string | undefined): readonly Limit[] {
  const items = typeof text === 'string' ? (text.match(/(?:"[^"]*"|[^,"])+/g) ?? []) : []
  return items.map((item) => {
    const [name = ''] = item.split(';', 1)
    const parameters = item.matchAll(/\b([a-z]{1,20})\s?=\s?([^;,\s]+)/gi)
    return {
      ...Object.fromEntries(
        [...parameters].map(([, key = '', value]) => [key.toLowerCase(), value]),
      ),
      name: name.trim(),
    }
  })
}
