import type { CallerLimits, Entered } from '@agentfleet/adapters'
import {
  beginAsk,
  endAsk,
  endRefill,
  keepLate,
  openShare,
  shareOf,
  takePermit,
  takeReserved,
  type Bucket,
  type KeyLimits,
  type RateAnswer,
  type RateAsk,
  type Reserve,
} from '@agentfleet/domain'
import { settleWithin, type Clock, type Logger } from '@agentfleet/runtime'
import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * The counts of the keys at one gateway: requests in a minute, and what is open at once.
 *
 * States: together (Redis counts for all gateways) → alone (Redis has answered nothing for ANSWER_WITHIN_MS, or
 * is not connected) → together, with the next answer. A gateway alone lets through its reserve and its part of
 * the refill (RATE-1, RATE-2), and its part of the requests that may be open. Invariant (L7): the state of at
 * most KEYS_MAX keys is held; a request waits at most ANSWER_WITHIN_MS; Redis is asked less often than permits come.
 */
export interface KeyCounts {
  /** Counts a request of a key; one that entered is open until `leave`. */
  enter(keyId: string, limits: KeyLimits, member: string): Counted | Promise<Counted>
  leave(keyId: string, member: string): void
  /** Keeps open requests counted in Redis. */
  renew(): Promise<void>
}

/** The answer to a request; `alone`: this gateway gave it without Redis. */
export type Counted = Omit<Entered, 'extra'> & { readonly alone: boolean }

/** A Redis that is busy answers sooner; one that is frozen costs each first request this long, milliseconds. */
const ANSWER_WITHIN_MS = 2_000
/** About 300 bytes each. */
const KEYS_MAX = 20_000
/** Milliseconds until an open request of the key may have ended. */
const OPEN_RETRY_MS = 1_000
const NOTHING_ASKED: RateAsk = { extra: 0, reserved: 0, askedAtMs: 0 }
const NOTHING_DRAWN: RateAnswer = { kind: 'refused', extra: 0 }

/** Counted like a key, because a Redis that is full answers other commands; no key of the API has this id. */
const PROBE = 'probe'
const PROBE_LIMITS: KeyLimits = { requestsPerMinute: 1_000_000 }

interface KeyState {
  reserve?: Reserve
  /** Permits that Redis had when it last answered. */
  left?: number
  /** Redis has no permit before this time. */
  emptyUntilMs?: number
  /** Counts from the silence that it began with. */
  share?: { readonly silentSinceMs: number; readonly bucket: Bucket }
}

/** Creates counts of no request. */
export function createKeyCounts(deps: {
  shared: Pick<CallerLimits, 'enter' | 'renew' | 'leave' | 'connected'>
  /** Returns how many gateways serve the fleet. */
  gateways: () => number
  clock: Pick<Clock, 'monotonicMs'>
  log: Pick<Logger, 'debug'>
}): KeyCounts {
  const { shared, gateways, clock, log } = deps
  const open = new Map<string, Set<string>>()
  const states = new Map<string, KeyState>()
  /** When Redis was first asked after its latest answer. */
  let silentSinceMs: number | undefined
  let probing = false

  function stateOf(keyId: string): KeyState {
    const state = states.get(keyId) ?? {}
    // Written again at the end: the first key is then the one that was quiet for longest.
    states.delete(keyId)
    states.set(keyId, state)
    const [oldest = ''] = states.size > KEYS_MAX ? states.keys() : []
    states.delete(oldest)
    return state
  }

  function isAlone(): boolean {
    const nowMs = clock.monotonicMs()
    if (shared.connected()) {
      return silentSinceMs !== undefined && nowMs - silentSinceMs >= ANSWER_WITHIN_MS
    }
    silentSinceMs ??= nowMs
    return true
  }

  /** Finds out whether Redis counts again, with one question at a time. */
  function probe(): void {
    if (probing || !shared.connected()) return
    probing = true
    const answered = () => (silentSinceMs = undefined)
    const ended = () => (probing = false)
    shared.enter(PROBE, PROBE_LIMITS, '').then(answered).then(ended, ended)
  }

  function opened(keyId: string, { concurrent }: KeyLimits, member: string): void {
    if (concurrent !== undefined) open.set(keyId, (open.get(keyId) ?? new Set()).add(member))
  }

  /** Ends the count of an open request in Redis; a lost release ends with its lease. */
  function release(keyId: string, member: string): void {
    shared.leave(keyId, member).catch(() => undefined)
  }

  /** Counts in this gateway only. */
  function enterAlone(keyId: string, limits: KeyLimits, member: string, ask: RateAsk): Counted {
    const { requestsPerMinute, concurrent } = limits
    const state = stateOf(keyId)
    const nowMs = clock.monotonicMs()
    probe()
    if (concurrent !== undefined) {
      const places = openShare(concurrent, gateways())
      if ((open.get(keyId)?.size ?? 0) >= places) {
        state.reserve = endAsk(state.reserve, ask, NOTHING_DRAWN, nowMs).reserve
        return { kind: 'concurrent', left: -1, retryAfterMs: OPEN_RETRY_MS, alone: true }
      }
    }
    const left = requestsPerMinute === undefined ? -1 : takeAlone(state, requestsPerMinute, ask)
    if (typeof left !== 'number') return left
    opened(keyId, limits, member)
    return { kind: 'entered', left, retryAfterMs: 0, alone: true }
  }

  /** Takes a permit of the reserve, else of this gateway's part of the refill; returns what is left. */
  function takeAlone(state: KeyState, perMinute: number, ask: RateAsk): number | Counted {
    const nowMs = clock.monotonicMs()
    const end = endAsk(state.reserve, ask, undefined, nowMs)
    state.reserve = end.reserve
    if (end.kind !== 'none') return end.reserve.permits
    const sinceMs = silentSinceMs ?? nowMs
    const share = shareOf(perMinute, gateways(), sinceMs)
    const known = state.share?.silentSinceMs === sinceMs ? state.share.bucket : share.bucket
    const taken = takePermit(known, share.limits, nowMs)
    state.share = { silentSinceMs: sinceMs, bucket: taken.bucket }
    if (taken.kind === 'taken') return Math.floor(taken.bucket.left)
    return { kind: 'rate', left: 0, retryAfterMs: taken.retryAfterMs, alone: true }
  }

  /** Asks Redis; undefined: it did not count. */
  function ask(keyId: string, limits: KeyLimits, member: string, asked: RateAsk) {
    silentSinceMs ??= clock.monotonicMs()
    return shared.enter(keyId, limits, member, asked).then(
      (entered) => {
        silentSinceMs = undefined
        return entered
      },
      (error: unknown) => {
        log.debug({ err: error, keyId }, 'Redis did not count a request of a key')
        return undefined
      },
    )
  }

  /** Decides without a question where possible: uses a reserve that is full enough, or refuses while Redis has no permit. */
  function enterAtOnce(keyId: string, limits: KeyLimits): Counted | undefined {
    const { requestsPerMinute: perMinute, concurrent } = limits
    if (perMinute === undefined) return undefined
    const state = stateOf(keyId)
    const nowMs = clock.monotonicMs()
    const emptyForMs = Math.ceil((state.emptyUntilMs ?? 0) - nowMs)
    if (emptyForMs > 0) return { kind: 'rate', left: 0, retryAfterMs: emptyForMs, alone: false }
    // Redis has to count an open request in any case.
    if (concurrent !== undefined) return undefined
    const taken = takeReserved(state.reserve, perMinute, gateways(), nowMs)
    if (taken === undefined) return undefined
    state.reserve = taken.reserve
    if (taken.refill !== undefined) void fill(keyId, state, perMinute, taken.refill)
    const left = (state.left ?? 0) + taken.reserve.permits
    return { kind: 'entered', left, retryAfterMs: 0, alone: false }
  }

  /** Fills the reserve up while requests use it. */
  async function fill(keyId: string, state: KeyState, perMinute: number, asked: RateAsk) {
    const entered = await ask(keyId, { requestsPerMinute: perMinute }, '', asked)
    const answer = entered && answerOf(entered)
    const nowMs = clock.monotonicMs()
    state.reserve = endRefill(state.reserve, perMinute, gateways(), asked, answer, nowMs)
    note(state, entered, asked)
  }

  /** Remembers what Redis said about the bucket. */
  function note(state: KeyState, entered: Entered | undefined, { askedAtMs }: RateAsk): void {
    if (entered === undefined || entered.kind === 'concurrent') return
    state.left = Math.max(0, entered.left)
    const empty = entered.kind === 'rate' && (state.reserve?.permits ?? 0) < 1
    state.emptyUntilMs = empty ? askedAtMs + entered.retryAfterMs : 0
  }

  async function enterTogether(keyId: string, limits: KeyLimits, member: string): Promise<Counted> {
    const { requestsPerMinute, concurrent } = limits
    const state = stateOf(keyId)
    let asked = NOTHING_ASKED
    if (requestsPerMinute !== undefined) {
      const begun = beginAsk(state.reserve, requestsPerMinute, gateways(), clock.monotonicMs())
      state.reserve = begun.reserve
      asked = begun.ask
    }
    const heard: { entered?: Entered } = {}
    const asking = ask(keyId, limits, member, asked)
    const hearing = asking.then((entered) => Object.assign(heard, { entered }))
    // A busy event loop runs late timers before it reads answers that have arrived.
    if (!(await settleWithin(hearing, ANSWER_WITHIN_MS))) await nextTurn()
    const { entered } = heard
    if (entered === undefined) {
      const counted = enterAlone(keyId, limits, member, asked)
      void asking.then((late) => {
        if (late === undefined) return
        // A request that was refused must not stay open.
        if (counted.kind !== 'entered' && concurrent !== undefined) release(keyId, member)
        if (requestsPerMinute === undefined || late.kind === 'concurrent') return
        const [answer, nowMs] = [answerOf(late), clock.monotonicMs()]
        state.reserve = keepLate(state.reserve, requestsPerMinute, gateways(), asked, answer, nowMs)
        note(state, late, asked)
      })
      return counted
    }
    const answer = answerOf(entered)
    const { kind, reserve } = endAsk(state.reserve, asked, answer, clock.monotonicMs())
    state.reserve = reserve
    note(state, entered, asked)
    if (kind === 'reserve' && concurrent !== undefined) {
      // Redis has counted the permit of the reserve before, but not that this request is open.
      return { ...(await enter(keyId, { concurrent }, member)), left: reserve.permits }
    }
    if (kind !== 'reserve' && entered.kind !== 'entered') return { ...entered, alone: false }
    opened(keyId, limits, member)
    const left = requestsPerMinute === undefined ? -1 : Math.max(0, entered.left) + reserve.permits
    return { kind: 'entered', left, retryAfterMs: 0, alone: false }
  }

  function enter(keyId: string, limits: KeyLimits, member: string): Counted | Promise<Counted> {
    if (isAlone()) return enterAlone(keyId, limits, member, NOTHING_ASKED)
    return enterAtOnce(keyId, limits) ?? enterTogether(keyId, limits, member)
  }

  return {
    enter,
    leave(keyId, member) {
      const members = open.get(keyId)
      if (!members?.delete(member)) return
      if (members.size === 0) open.delete(keyId)
      release(keyId, member)
    },
    async renew() {
      if (!shared.connected()) return
      await Promise.all([...open].map(([keyId, members]) => shared.renew(keyId, [...members])))
    },
  }
}

function answerOf({ kind, extra }: Entered): RateAnswer {
  if (kind === 'entered') return { kind: 'given', extra }
  return kind === 'rate' ? { kind: 'empty', extra: 0 } : NOTHING_DRAWN
}
