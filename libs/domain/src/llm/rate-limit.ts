import { MINUTE_MS } from '../durations.ts'

/**
 * Limits of a provider's key: requests and tokens a minute, and calls at the same time. The buckets that the
 * whole fleet shares live in Redis (libs/adapters); this module decides the rest: the expected usage of a
 * call, and a node's own share while Redis is unavailable.
 */

/** Limits of one key; 0: unknown or none. */
export interface RateLimits {
  readonly rpm: number
  readonly tpm: number
  readonly concurrent: number
}

/** No limit at all. */
export const UNLIMITED: RateLimits = { rpm: 0, tpm: 0, concurrent: 0 }

/** Whether any limit applies. */
export function isLimited({ rpm, tpm, concurrent }: RateLimits): boolean {
  return rpm > 0 || tpm > 0 || concurrent > 0
}

/** The stricter of the configured and the provider's limit, where both are known. */
export function strictest(configured: RateLimits, learned: Partial<RateLimits>): RateLimits {
  const least = (a: number, b = 0): number => (a === 0 ? b : b === 0 ? a : Math.min(a, b))
  return {
    rpm: least(configured.rpm, learned.rpm),
    tpm: least(configured.tpm, learned.tpm),
    concurrent: configured.concurrent,
  }
}

/** Figures learned from the calls of one model. */
export interface Learned {
  /** Tokens of a prompt for each of its characters. */
  readonly tokensPerCharacter: number
  /** Mean length of an answer in tokens; undefined before the first one. */
  readonly outputTokens: number | undefined
}

/** Four characters a token is the usual rule for English text. */
export const NOTHING_LEARNED: Learned = { tokensPerCharacter: 0.25, outputTokens: undefined }
/** Weight of the newest call: about the last twenty count. */
const WEIGHT = 0.1
/**
 * The estimate before the first answer is longer than most answers, so that the first calls do not exceed the
 * limit.
 */
const OUTPUT_TOKENS_UNKNOWN = 256

/** The expected tokens of a call. */
export function estimateCall(
  learned: Learned,
  characters: number,
  outputTokensMax: number | undefined,
): { readonly inputTokens: number; readonly outputTokens: number } {
  const output = learned.outputTokens ?? OUTPUT_TOKENS_UNKNOWN
  return {
    inputTokens: Math.ceil(characters * learned.tokensPerCharacter),
    outputTokens: Math.ceil(Math.min(output, outputTokensMax ?? output)),
  }
}

/** The figures after one more call. */
export function learnCall(
  learned: Learned,
  characters: number,
  used: { readonly inputTokens: number; readonly outputTokens: number },
): Learned {
  const mean = (before: number, now: number): number => before + WEIGHT * (now - before)
  // A provider that reports no usage teaches nothing.
  if (used.inputTokens + used.outputTokens === 0) return learned
  const ratio = characters === 0 ? learned.tokensPerCharacter : used.inputTokens / characters
  return {
    tokensPerCharacter: mean(learned.tokensPerCharacter, ratio),
    outputTokens:
      learned.outputTokens === undefined
        ? used.outputTokens
        : mean(learned.outputTokens, used.outputTokens),
  }
}

/**
 * How much a bucket holds some time after its last change; it holds at most `burstMs` of its limit, and at
 * least one.
 */
export function bucketLevel(
  limitPerMinute: number,
  before: number,
  elapsedMs: number,
  burstMs: number,
): number {
  const size = Math.max(1, (limitPerMinute * burstMs) / MINUTE_MS)
  return Math.min(size, before + (elapsedMs * limitPerMinute) / MINUTE_MS)
}

/** A node's own buckets while the shared ones are unavailable. */
export interface LocalBuckets {
  readonly requests: number
  readonly tokens: number
  readonly atMs: number
}

/** The share of a limit that is used without the shared buckets: there may be more nodes than were seen. */
const LOCAL_SHARE = 0.9

/** The limits that one of this many nodes may use alone. */
export function localShare(limits: RateLimits, nodes: number): RateLimits {
  const share = (limit: number): number => (limit * LOCAL_SHARE) / Math.max(1, nodes)
  return {
    rpm: share(limits.rpm),
    tpm: share(limits.tpm),
    concurrent: limits.concurrent === 0 ? 0 : Math.max(1, Math.floor(share(limits.concurrent))),
  }
}

/** Whether a call may begin now, or after how long to ask again; with the buckets afterwards. */
type LocalDecision =
  | { readonly kind: 'go'; readonly buckets: LocalBuckets }
  | { readonly kind: 'wait'; readonly waitMs: number; readonly buckets: LocalBuckets }

/** Takes one request and its tokens from a node's own buckets; they hold at least one request. */
export function takeLocally(
  buckets: LocalBuckets | undefined,
  share: RateLimits,
  tokens: number,
  burstMs: number,
  nowMs: number,
): LocalDecision {
  const elapsedMs = buckets === undefined ? 0 : Math.max(0, nowMs - buckets.atMs)
  // Empty at first: the recent usage of the fleet is unknown here.
  const level = (limit: number, before = 0): number =>
    bucketLevel(limit, before, elapsedMs, burstMs)
  const requests = level(share.rpm, buckets?.requests)
  const have = level(share.tpm, buckets?.tokens)
  const needed = Math.min(tokens, Math.max(1, (share.tpm * burstMs) / MINUTE_MS))
  const waits = [
    share.rpm > 0 && requests < 1 ? ((1 - requests) * MINUTE_MS) / share.rpm : 0,
    share.tpm > 0 && have < needed ? ((needed - have) * MINUTE_MS) / share.tpm : 0,
  ]
  const waitMs = Math.max(...waits)
  if (waitMs > 0) {
    const filled = { requests, tokens: have, atMs: nowMs }
    return { kind: 'wait', waitMs: Math.ceil(waitMs), buckets: filled }
  }
  const after = { requests: requests - 1, tokens: have - tokens, atMs: nowMs }
  return { kind: 'go', buckets: after }
}
