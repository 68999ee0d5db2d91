import { MINUTE_MS } from '../durations.ts'
import type { Bucket } from './bucket.ts'
import type { GatewayCount } from './gateway-count.ts'

/**
 * The rate of a key that several gateways let through.
 *
 * Redis holds one bucket of permits for each key. Each gateway keeps a small reserve: permits of the key that Redis
 * has counted already. A request takes a permit of a reserve that is more than half full and waits for nothing;
 * meanwhile one question at a time fills the reserve up. Another request asks Redis for its own permit. Redis may
 * answer late or not at all, so the lower half of the reserve is for requests for which Redis has no permit, or no
 * answer. A gateway to which Redis gives no answer at all also lets through its part of the refill. Invariants:
 * - RATE-1: the bucket and the reserves of all gateways never hold more than the limit together. So in any time
 *   the gateways use at most the limit, and what the bucket gains in that time and while one answer travels.
 *   A gateway that does not know the number of gateways (gateway-count.ts) holds no reserve, and one that hears
 *   of another gateway gives up what exceeds its smaller part.
 * - RATE-2: without answers, each of n gateways lets through at most 1/n of the refill, counted from its first
 *   unanswered request.
 * A permit that is lost with an answer stays counted, so a loss never lets a request through; a late one may fill
 * the reserve. A gateway without requests keeps its reserve from the others for at most RESERVE_LIFETIME_MS.
 */

/** The permits of one key at one gateway. */
export interface Reserve {
  readonly permits: number
  /** Permits that a request under way asks Redis for, in addition to its own. */
  readonly asked: number
  /** When the latest question was asked that Redis answered with a permit. */
  readonly drawnAtMs: number
}

/** What a request asks Redis for, in addition to its own permit. */
export interface RateAsk {
  /** Permits for the reserve of its gateway. */
  readonly extra: number
  /** Permits that all gateways may have in reserve; the bucket fills only up to the rest. */
  readonly reserved: number
  readonly askedAtMs: number
}

/** What Redis gave. */
export interface RateAnswer {
  readonly kind: 'given' | 'empty'
  /** Permits for the reserve. */
  readonly extra: number
}

/** Whether a request has a permit; the reserve is the one after it. */
interface RateEnd {
  readonly kind: 'given' | 'reserve' | 'none'
  readonly reserve: Reserve
}

/** All reserves together hold at most this part of the limit. */
const RESERVED_SHARE = 1 / 4
/** While Redis answers, requests use a reserve only down to this part of it. The part below is for a silent Redis. */
const KEPT_SHARE = 1 / 2
/** The part of a reserve that is missing before a question fills it up: 32 questions a minute at the full rate. */
const REFILL_SHARE = 1 / 8
/** A bucket from which no gateway draws is full again after a minute, so reserves must be gone by then: 5 s earlier. */
const RESERVE_LIFETIME_MS = 55_000
const NO_RESERVE: Reserve = { permits: 0, asked: 0, drawnAtMs: 0 }

/** Takes a permit that Redis has counted already, and says what to ask for meanwhile; undefined: the request must ask. */
export function takeReserved(
  reserve: Reserve | undefined,
  perMinute: number,
  gateways: GatewayCount,
  nowMs: number,
): { readonly reserve: Reserve; readonly refill: RateAsk | undefined } | undefined {
  const size = reserveSize(perMinute, gateways)
  const living = livingReserve(reserve, size, nowMs)
  const permits = living.permits - 1
  if (living.permits <= size * KEPT_SHARE) return undefined
  // Redis gives each question one permit in addition to the extra ones; the reserve gets it, too.
  const extra = size - permits - 1
  const refill =
    living.asked === 0 && extra > 0 && extra + 1 >= size * REFILL_SHARE
      ? { extra, reserved: reservedOf(perMinute), askedAtMs: nowMs }
      : undefined
  const asked = living.asked + (refill?.extra ?? 0)
  return { reserve: { permits, asked, drawnAtMs: living.drawnAtMs }, refill }
}

/** Ends the question of `takeReserved`; undefined: it was lost. */
export function endRefill(
  reserve: Reserve | undefined,
  perMinute: number,
  gateways: GatewayCount,
  ask: RateAsk,
  answer: RateAnswer | undefined,
  nowMs: number,
): Reserve {
  const living = livingReserve(reserve, reserveSize(perMinute, gateways), nowMs)
  const rest = { ...living, asked: Math.max(0, living.asked - ask.extra) }
  return answer === undefined ? rest : keepLate(rest, perMinute, gateways, ask, answer, nowMs)
}

/** Begins a request: asks for what the reserve lacks. */
export function beginAsk(
  reserve: Reserve | undefined,
  perMinute: number,
  gateways: GatewayCount,
  nowMs: number,
): { readonly reserve: Reserve; readonly ask: RateAsk } {
  const size = reserveSize(perMinute, gateways)
  const { permits, asked, drawnAtMs } = livingReserve(reserve, size, nowMs)
  // One request at a time asks, because the permits of an answer that is under way count, too.
  const extra = asked > 0 ? 0 : Math.max(0, size - permits)
  return {
    reserve: { permits, asked: asked + extra, drawnAtMs },
    ask: { extra, reserved: reservedOf(perMinute), askedAtMs: nowMs },
  }
}

/** Ends a request with the answer of Redis; undefined: none came in time, or the request asked nothing. */
export function endAsk(
  reserve: Reserve | undefined,
  perMinute: number,
  gateways: GatewayCount,
  ask: RateAsk,
  answer: RateAnswer | undefined,
  nowMs: number,
): RateEnd {
  const { permits, asked, drawnAtMs } = livingReserve(
    reserve,
    reserveSize(perMinute, gateways),
    nowMs,
  )
  const held = permits + (answer?.extra ?? 0)
  const rest = {
    asked: Math.max(0, asked - ask.extra),
    drawnAtMs: answer?.kind === 'given' ? Math.max(drawnAtMs, ask.askedAtMs) : drawnAtMs,
  }
  if (answer?.kind === 'given') return { kind: 'given', reserve: { ...rest, permits: held } }
  return held < 1
    ? { kind: 'none', reserve: { ...rest, permits: held } }
    : { kind: 'reserve', reserve: { ...rest, permits: held - 1 } }
}

/** Keeps what an answer gave that came after its request had ended, as far as the reserve has room for it. */
export function keepLate(
  reserve: Reserve | undefined,
  perMinute: number,
  gateways: GatewayCount,
  { askedAtMs }: RateAsk,
  answer: RateAnswer,
  nowMs: number,
): Reserve {
  const size = reserveSize(perMinute, gateways)
  const living = livingReserve(reserve, size, nowMs)
  if (answer.kind === 'empty') return living
  const { permits, asked, drawnAtMs } = living
  const given = 1 + answer.extra
  const room = size - permits - asked
  return {
    permits: permits + Math.max(0, Math.min(given, room)),
    asked,
    drawnAtMs: Math.max(drawnAtMs, askedAtMs),
  }
}

/** The most permits that this gateway may hold. */
function reserveSize(perMinute: number, gateways: GatewayCount): number {
  return gateways === undefined ? 0 : Math.floor((perMinute * RESERVED_SHARE) / gateways)
}

/**
 * The most permits that all gateways together may hold. It does not depend on their number, because two gateways
 * may know different numbers for a moment.
 */
function reservedOf(perMinute: number): number {
  return Math.floor(perMinute * RESERVED_SHARE)
}

/** The reserve without permits that have become too old or too many. */
function livingReserve(reserve: Reserve | undefined, size: number, nowMs: number): Reserve {
  if (reserve === undefined) return NO_RESERVE
  const { permits, asked, drawnAtMs } = reserve
  if (nowMs - drawnAtMs >= RESERVE_LIFETIME_MS) return { permits: 0, asked, drawnAtMs }
  return permits <= size ? reserve : { permits: size, asked, drawnAtMs }
}

/** The bucket of a key at a gateway without answers; it is empty when the silence begins (RATE-2). */
export function shareOf(perMinute: number, gateways: number, silentSinceMs: number) {
  const rate = perMinute / gateways
  return {
    bucket: { left: 0, atMs: silentSinceMs },
    limits: { perMinute: rate, burst: Math.max(1, rate) },
  }
}

/** The requests of a key that one gateway without answers may have open. */
export function openShare(concurrent: number, gateways: number): number {
  return Math.max(1, Math.floor(concurrent / gateways))
}

/** Decides as Redis does: caller-limits.ts has the same rule as a script (RATE-1). */
export function drawPermits(
  bucket: Bucket | undefined,
  perMinute: number,
  { extra, reserved }: RateAsk,
  nowMs: number,
): RateAnswer & { readonly bucket: Bucket; readonly retryAfterMs: number } {
  const { left, atMs } = bucket ?? { left: perMinute, atMs: nowMs }
  const passedMs = Math.max(0, nowMs - atMs)
  const cap = passedMs >= MINUTE_MS ? perMinute : Math.max(left, perMinute - reserved)
  const filled = Math.min(cap, left + (passedMs * perMinute) / MINUTE_MS)
  if (filled < 1) {
    const retryAfterMs = Math.ceil(((1 - filled) * MINUTE_MS) / perMinute)
    return { kind: 'empty', extra: 0, bucket: { left, atMs }, retryAfterMs }
  }
  const given = Math.min(extra, Math.floor((filled - 1) / 2))
  const rest = { left: filled - 1 - given, atMs: nowMs }
  return { kind: 'given', extra: given, bucket: rest, retryAfterMs: 0 }
}
