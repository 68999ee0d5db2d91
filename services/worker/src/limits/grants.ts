import {
  bucketLevel,
  given,
  isLimited,
  localShare,
  strictest,
  takeLocally,
  type LocalBuckets,
  type RateLimits,
} from '@agentfleet/domain'
import type { ProviderLimits, Reserved, Settlement, Touched } from '@agentfleet/adapters'
import type { ProviderModel } from '@agentfleet/protocol'

/**
 * Grants of one provider key. They come from the buckets in Redis that the fleet shares. While
 * Redis is unavailable, the node takes its own share of the limits, divided by the number of nodes
 * that it last saw (or by NODES_UNKNOWN). Invariants: once a limit is known, there is always one; a
 * settlement that gets lost only costs a little time.
 */
export type Grants = ReturnType<typeof createGrants>

type Levels = Omit<NonNullable<ProviderModel['keyLimits']>, 'closedForMs' | 'waiting'>

/** The figures of a call that its grant needs. */
interface GrantAsk {
  readonly id: string
  readonly tokens: number
}

/** Dependencies of the grants. */
export interface GrantDeps {
  readonly key: string
  readonly node: string
  readonly limits: RateLimits
  /** Undefined if this node is alone and keeps the limits itself. */
  readonly shared: Pick<ProviderLimits, 'reserve' | 'settle' | 'park'> | undefined
  readonly nowMs: () => number
  readonly random: () => number
}

/**
 * The part of a minute's budget that may be used at once, as time. Half a second stays within what
 * providers allow (some count by the second) and bridges a pause of a node.
 */
const BURST_MS = 500
/**
 * How far ahead grants are promised. A node that is this late still uses its share, and it asks
 * less often than it calls. Twice this used 3 % more of a limit on an overloaded machine, but 0.2 %
 * of the calls then followed each other too closely for a provider that counts by the second.
 */
const HORIZON_MS = 500
/** Milliseconds without requests to Redis after a failure. */
const AWAY_MS = 1_000
/** The number of nodes assumed before any were counted: the usual maximum of an autoscaler. */
const NODES_UNKNOWN = 20
const LOCAL_POLL_MS = 50
/** Milliseconds; the node reads the buckets every second, and older figures say nothing about the present. */
const LEFT_AGE_MAX_MS = 5_000
/** Milliseconds; a call that should return later returns after this time and asks again. */
const PARK_MAX_MS = 600_000

/** What the buckets of the fleet had left. */
interface Left {
  readonly requests: number
  readonly tokens: number
  readonly atMs: number
}

/** Creates the grants of one key. */
export function createGrants(deps: GrantDeps) {
  const { key, node, shared, nowMs } = deps
  let limits = deps.limits
  let learned: { rpm?: number; tpm?: number } = {}
  const local = createLocalGrants(nowMs)
  let closedUntilMs = 0
  let awayUntilMs = shared === undefined ? Infinity : 0
  let nodes = shared === undefined ? 1 : NODES_UNKNOWN
  let rivals = 1
  let left: Left | undefined
  let readAtMs = 0

  const closedMs = (): number => Math.max(0, closedUntilMs - nowMs())
  /** Blocks calls with the key for this long. */
  const close = (ms: number): void => {
    closedUntilMs = Math.max(closedUntilMs, nowMs() + ms)
  }
  /** Applies limits that the provider has reported. */
  const learn = (rpm = 0, tpm = 0): void => {
    if (rpm === 0 && tpm === 0) return
    learned = { ...learned, ...(rpm > 0 ? { rpm } : {}), ...(tpm > 0 ? { tpm } : {}) }
    limits = strictest(deps.limits, learned)
  }
  const reserveLocally = (calls: readonly GrantAsk[], inside: number): Reserved => {
    const answer = { closedMs: closedMs(), nodes: rivals, rpm: 0, tpm: 0 }
    return {
      ...local.reserve(calls, localShare(limits, nodes), inside, answer.closedMs),
      ...answer,
    }
  }

  return {
    /** Requests grants for these calls, in this order. */
    async reserve(calls: readonly GrantAsk[], waiting: number, inside: number): Promise<Reserved> {
      if (shared === undefined || nowMs() < awayUntilMs) return reserveLocally(calls, inside)
      const ask = { node, limits: deps.limits, burstMs: BURST_MS, horizonMs: HORIZON_MS }
      try {
        const answer = await shared.reserve(key, { calls, waiting, ...ask })
        rivals = answer.nodes
        learn(answer.rpm, answer.tpm)
        if (answer.closedMs > 0) close(answer.closedMs)
        local.forget()
        return answer
      } catch {
        awayUntilMs = nowMs() + AWAY_MS
        return reserveLocally(calls, inside)
      }
    },
    settle(change: Partial<Settlement>): void {
      if (shared === undefined || nowMs() < awayUntilMs) return
      const nothing = { requestsBack: 0, tokensBack: 0, closeMs: 0, named: {}, over: [] }
      void shared
        .settle(key, { limits: deps.limits, burstMs: BURST_MS, ...nothing, ...change })
        // A lost settlement only makes the fleet wait a little longer.
        .catch(() => undefined)
    },
    /** Returns after how many milliseconds a call of this tenant that gives up its place should return. */
    async park(tenant: string, tokens: number, leastMs: number): Promise<number> {
      const times = { leastMs, mostMs: PARK_MAX_MS }
      const ask = { tenant, limits: deps.limits, burstMs: BURST_MS, tokens, ...times }
      try {
        if (shared !== undefined && nowMs() >= awayUntilMs) return await shared.park(key, ask)
      } catch {
        awayUntilMs = nowMs() + AWAY_MS
      }
      // Without Redis the calls do not return one after the other, so chance spreads them.
      return Math.min(PARK_MAX_MS, Math.max(leastMs * (1 + deps.random()), closedMs()))
    },
    close,
    closedMs,
    learn,
    limits: () => limits,
    /** Returns the known limits of a minute, and what the fleet may use of them at once. */
    levels: () =>
      levelsOf(limits, nowMs() - readAtMs <= LEFT_AGE_MAX_MS ? left : undefined, nowMs()),
    /** Returns the number of nodes that wait for the same key. */
    rivals: () => rivals,
    touched(count: number, state: Touched['keys'][number]): void {
      readAtMs = nowMs()
      left = state.left && { ...state.left, atMs: readAtMs - state.left.ageMs }
      nodes = count
      learn(state.rpm, state.tpm)
      if (state.closedMs > 0) close(state.closedMs)
    },
  }
}

/** Creates what grants calls while the limits of the fleet do not answer, from full buckets. */
function createLocalGrants(nowMs: () => number) {
  let buckets: LocalBuckets | undefined
  return {
    forget: () => void (buckets = undefined),
    reserve(
      calls: readonly GrantAsk[],
      share: RateLimits,
      inside: number,
      closedMs: number,
    ): Pick<Reserved, 'delaysMs' | 'waitMs'> {
      const delaysMs: number[] = []
      if (closedMs > 0) return { delaysMs, waitMs: closedMs }
      for (const { tokens } of calls) {
        if (share.concurrent > 0 && inside + delaysMs.length >= share.concurrent) break
        const decision = takeLocally(buckets, share, tokens, BURST_MS, nowMs())
        buckets = decision.buckets
        if (decision.kind === 'wait') return { delaysMs, waitMs: decision.waitMs }
        delaysMs.push(0)
      }
      return { delaysMs, waitMs: LOCAL_POLL_MS }
    },
  }
}

function levelsOf(limits: RateLimits, known: Left | undefined, now: number): Levels {
  const level = (limit: number, before: number | undefined): number | undefined =>
    before === undefined || known === undefined || limit === 0
      ? undefined
      : Math.floor(bucketLevel(limit, before, now - known.atMs, BURST_MS))
  return given({
    requestsPerMinute: limits.rpm || undefined,
    tokensPerMinute: limits.tpm || undefined,
    requestsLeft: level(limits.rpm, known?.requests),
    tokensLeft: level(limits.tpm, known?.tokens),
  })
}

/** Whether calls need a grant. */
export function needsGrant(grants: Grants): boolean {
  return isLimited(grants.limits()) || grants.closedMs() > 0
}
