/**
 * The provider's budgets: requests and tokens a minute, over all callers together. Two buckets fill evenly and
 * hold at most `limitBurstMs` worth of budget; a call takes from both or from none.
 */
import type { ApiError } from '../http/api-error.ts'
import type { SimulatorSettings } from '../settings/settings.ts'

const MINUTE_MS = 60_000

interface Bucket {
  level: number
  atMs: number
}

/** How often callers exceeded a budget. */
export interface Violations {
  readonly requests: number
  readonly tokens: number
}

/** Keeps a caller within the budgets. */
export type Limiter = ReturnType<typeof createLimiter>

/** Creates a limiter with full buckets. */
export function createLimiter(nowMs: () => number) {
  let requests: Bucket | undefined
  let tokens: Bucket | undefined
  let violations: Violations = { requests: 0, tokens: 0 }

  /** Takes one request and its tokens from the budgets, or says why it may not. */
  const admit = (wanted: number, settings: SimulatorSettings): ApiError | undefined => {
    const now = nowMs()
    requests = refill(requests, settings.requestsPerMinute, settings.limitBurstMs, now)
    tokens = refill(tokens, settings.tokensPerMinute, settings.limitBurstMs, now)
    const requestWait = waitMs(requests, 1, settings.requestsPerMinute)
    const tokenWait = waitMs(tokens, wanted, settings.tokensPerMinute)
    if (requestWait > 0) {
      violations = { ...violations, requests: violations.requests + 1 }
      return refusal('requests', settings.requestsPerMinute, requestWait)
    }
    if (tokenWait > 0) {
      violations = { ...violations, tokens: violations.tokens + 1 }
      return refusal('tokens', settings.tokensPerMinute, tokenWait)
    }
    if (requests !== undefined) requests.level -= 1
    if (tokens !== undefined) tokens.level -= wanted
    return undefined
  }

  return {
    admit,
    /** The configured budgets, after the last call. */
    headers: (settings: SimulatorSettings): Record<string, string> => ({
      ...budgetHeaders('requests', requests, settings.requestsPerMinute),
      ...budgetHeaders('tokens', tokens, settings.tokensPerMinute),
    }),
    /** Calls that arrived although their budget was used up, by budget. */
    violations: () => violations,
    /** Fills both buckets and zeroes the counts. */
    reset(): void {
      violations = { requests: 0, tokens: 0 }
      requests = undefined
      tokens = undefined
    },
  }
}

function refill(
  bucket: Bucket | undefined,
  perMinute: number,
  burstMs: number,
  nowMs: number,
): Bucket | undefined {
  if (perMinute === 0) return undefined
  // A bucket that cannot hold one request would never let any pass.
  const size = Math.max(1, (perMinute * burstMs) / MINUTE_MS)
  if (bucket === undefined) return { level: size, atMs: nowMs }
  const gained = ((nowMs - bucket.atMs) * perMinute) / MINUTE_MS
  return { level: Math.min(size, bucket.level + gained), atMs: nowMs }
}

function waitMs(bucket: Bucket | undefined, wanted: number, perMinute: number): number {
  if (bucket === undefined || bucket.level >= wanted) return 0
  return ((wanted - bucket.level) * MINUTE_MS) / perMinute
}

function refusal(type: 'requests' | 'tokens', limit: number, retryAfterMs: number): ApiError {
  const advice = `Try again in ${Math.ceil(retryAfterMs)}ms.`
  return {
    status: 429,
    message: `Simulated rate limit reached on ${type} per min: limit ${limit}. ${advice}`,
    type,
    param: null,
    code: 'rate_limit_exceeded',
    retryAfterMs,
  }
}

function budgetHeaders(
  name: string,
  bucket: Bucket | undefined,
  limit: number,
): Record<string, string> {
  if (bucket === undefined || limit === 0) return {}
  return {
    [`x-ratelimit-limit-${name}`]: String(limit),
    [`x-ratelimit-remaining-${name}`]: String(Math.max(0, Math.floor(bucket.level))),
  }
}
