import {
  isLimited,
  localShare,
  strictest,
  takeLocally,
  type LocalBuckets,
  type RateLimits,
} from '@agentfleet/domain'
import type { ProviderLimits, Reserved, Settlement, Touched } from '@agentfleet/adapters'

/**
 * Where the grants of one key come from: the buckets that the fleet shares, or while they are away the
 * node's own share of the limits among the nodes that it last saw (and, having seen none, among many).
 * Invariants: never without a limit once one is known; what could not be settled costs a little time.
 */
export interface Grants {
  /** Asks for these calls, in this order. */
  reserve(calls: readonly GrantAsk[], waiting: number, inside: number): Promise<Reserved>
  settle(change: Partial<Settlement>): void
  /** In how many milliseconds a call that gives its place up is to come back. */
  park(tokens: number, leastMs: number): Promise<number>
  /** The key takes no call for so long. */
  close(ms: number): void
  closedMs(): number
  /** The provider has named its limits. */
  learn(rpm?: number, tpm?: number): void
  limits(): RateLimits
  /** Nodes that wait for the same key. */
  rivals(): number
  touched(nodes: number, state: Touched['keys'][number]): void
}

/** A call as far as its grant is concerned. */
export interface GrantAsk {
  readonly id: string
  readonly tokens: number
}

/** What grants need. */
export interface GrantDeps {
  readonly key: string
  readonly node: string
  readonly limits: RateLimits
  /** Undefined: this node is the only one, and keeps the limits by itself. */
  readonly shared: Pick<ProviderLimits, 'reserve' | 'settle' | 'park'> | undefined
  readonly nowMs: () => number
}

/**
 * How much of a minute's budget may be used at once, as time: half a second keeps well within what
 * providers allow (some count by the second) and rides out a pause of a node.
 */
const BURST_MS = 500
/**
 * Promises are made for so long ahead: a node that is late by this still uses its part, and asks less often
 * than it calls. Twice as much used 3 % more of a limit on an overloaded machine, but 0.2 % of the calls
 * then came too close together for a provider that counts by the second.
 */
const HORIZON_MS = 500
/** After a failure Redis is left alone for so long. */
const AWAY_MS = 1_000
/** Nodes taken for granted before any were counted: what an autoscaler's usual maximum is. */
const NODES_UNKNOWN = 20
const LOCAL_POLL_MS = 50
/** Whoever is to come back later than this is asked to look in before. */
const PARK_MAX_MS = 600_000

/** Grants by these limits. */
export function createGrants(deps: GrantDeps): Grants {
  const { key, node, shared, nowMs } = deps
  let limits = deps.limits
  let learned: { rpm?: number; tpm?: number } = {}
  let closedUntilMs = 0
  let awayUntilMs = shared === undefined ? Infinity : 0
  let nodes = shared === undefined ? 1 : NODES_UNKNOWN
  let rivals = 1
  let local: LocalBuckets | undefined

  const closedMs = (): number => Math.max(0, closedUntilMs - nowMs())
  const close = (ms: number): void => {
    closedUntilMs = Math.max(closedUntilMs, nowMs() + ms)
  }
  const learn = (rpm = 0, tpm = 0): void => {
    if (rpm === 0 && tpm === 0) return
    learned = { ...learned, ...(rpm > 0 ? { rpm } : {}), ...(tpm > 0 ? { tpm } : {}) }
    limits = strictest(deps.limits, learned)
  }
  const reserveLocally = (calls: readonly GrantAsk[], inside: number): Reserved => {
    const share = localShare(limits, nodes)
    const answer = { closedMs: closedMs(), nodes: rivals, rpm: 0, tpm: 0 }
    const delaysMs: number[] = []
    if (answer.closedMs > 0) return { ...answer, delaysMs, waitMs: answer.closedMs }
    for (const { tokens } of calls) {
      if (share.concurrent > 0 && inside + delaysMs.length >= share.concurrent) break
      const decision = takeLocally(local, share, tokens, BURST_MS, nowMs())
      local = decision.buckets
      if (decision.kind === 'wait') return { ...answer, delaysMs, waitMs: decision.waitMs }
      delaysMs.push(0)
    }
    return { ...answer, delaysMs, waitMs: LOCAL_POLL_MS }
  }

  return {
    async reserve(calls, waiting, inside) {
      if (shared === undefined || nowMs() < awayUntilMs) return reserveLocally(calls, inside)
      const ask = { node, limits: deps.limits, burstMs: BURST_MS, horizonMs: HORIZON_MS }
      try {
        const answer = await shared.reserve(key, { ...ask, calls, waiting })
        rivals = answer.nodes
        learn(answer.rpm, answer.tpm)
        if (answer.closedMs > 0) close(answer.closedMs)
        local = undefined
        return answer
      } catch {
        awayUntilMs = nowMs() + AWAY_MS
        return reserveLocally(calls, inside)
      }
    },
    settle(change) {
      if (shared === undefined || nowMs() < awayUntilMs) return
      const nothing = { requestsBack: 0, tokensBack: 0, closeMs: 0, named: {}, over: [] }
      void shared
        .settle(key, { limits: deps.limits, burstMs: BURST_MS, ...nothing, ...change })
        // What is lost here only makes the fleet wait a little longer.
        .catch(() => undefined)
    },
    async park(tokens, leastMs) {
      const ask = { limits: deps.limits, burstMs: BURST_MS, tokens, leastMs, mostMs: PARK_MAX_MS }
      try {
        if (shared !== undefined && nowMs() >= awayUntilMs) return await shared.park(key, ask)
      } catch {
        awayUntilMs = nowMs() + AWAY_MS
      }
      return Math.min(PARK_MAX_MS, Math.max(leastMs, closedMs()))
    },
    close,
    closedMs,
    learn,
    limits: () => limits,
    rivals: () => rivals,
    touched(count, state) {
      nodes = count
      learn(state.rpm, state.tpm)
      if (state.closedMs > 0) close(state.closedMs)
    },
  }
}

/** Whether calls have to ask for a grant at all. */
export function needsGrant(grants: Grants): boolean {
  return isLimited(grants.limits()) || grants.closedMs() > 0
}
