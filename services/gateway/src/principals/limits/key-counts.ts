import type { CallerLimits, Drawn } from '@agentfleet/adapters'
import {
  beginAsk,
  createOwnedMap,
  endAsk,
  endRefill,
  keepLate,
  shareOf,
  takePermit,
  takeReserved,
  type Bucket,
  type GatewayCount,
  type Principal,
  type RateAsk,
  type Reserve,
} from '@agentfleet/domain'
import { settleWithin, type Clock, type Logger } from '@agentfleet/runtime'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createKeyPlaces } from './key-places.ts'
import { ANSWER_WITHIN_MS, createRedisSilence } from './redis-silence.ts'

/**
 * The counts of the keys at one gateway: requests in a minute, and what is open at once.
 *
 * A gateway alone (redis-silence.ts) lets through its reserve and its part of the refill (RATE-1, RATE-2), and its
 * part of the requests that may be open. Invariant (L7): the state of at most KEYS_MAX keys is held, and no tenant
 * makes the gateway forget that of a tenant with fewer keys; a request waits at most ANSWER_WITHIN_MS for its permit;
 * Redis is asked less often than permits come.
 */
export interface KeyCounts {
  /** Counts a request of a key; one that entered is open until `leave`. */
  enter(caller: LimitedCaller, member: string): Counted | Promise<Counted>
  leave(keyId: string, member: string): void
  /** Keeps open requests counted in Redis. */
  renew(): Promise<void>
}

/** What the counts need to know of the caller. */
type LimitedCaller = Pick<Principal, 'keyId' | 'tenant' | 'limits'>

/** Whether a request may continue, or which limit refuses it. */
export interface Counted {
  readonly kind: 'entered' | 'rate' | 'concurrent'
  /** Requests left in this minute; -1 for a key without a rate. */
  readonly left: number
  /** Of a refusal: until the next request may come, milliseconds. */
  readonly retryAfterMs: number
  /** Whether this gateway decided without Redis. */
  readonly alone: boolean
}

/** About 500 bytes each. */
const KEYS_MAX = 20_000
/** Milliseconds until an open request of the key may have ended. */
const OPEN_RETRY_MS = 1_000
const NO_RATE: Counted = { kind: 'entered', left: -1, retryAfterMs: 0, alone: false }

interface KeyState {
  reserve?: Reserve
  /** Permits that Redis had when it last answered. */
  left?: number
  /** Redis has no permit before this time. */
  emptyUntilMs?: number
  /** Counts from the silence that it began with. */
  share?: { readonly silentSinceMs: number; readonly bucket: Bucket }
}

/** Creates the counts; at first all of them are 0. */
export function createKeyCounts(deps: {
  shared: Pick<CallerLimits, 'draw' | 'open' | 'renew' | 'connected'>
  /** Returns how many gateways a coordinator has counted. */
  gateways: () => number
  /** Returns the number of gateways if this one may rely on it. */
  gatewaysForCertain: () => GatewayCount
  clock: Pick<Clock, 'monotonicMs'>
  log: Pick<Logger, 'debug'>
}): KeyCounts {
  const { shared, gateways, gatewaysForCertain, clock, log } = deps
  const silence = createRedisSilence(shared, clock)
  const places = createKeyPlaces({ shared, silence, gateways, log })
  const states = createOwnedMap<KeyState>(KEYS_MAX)

  function stateOf({ keyId, tenant }: LimitedCaller): KeyState {
    const known = states.get(keyId)
    if (known !== undefined) {
      // As long as no key has to be forgotten soon, their order does not matter.
      if (states.count() >= KEYS_MAX / 2) states.use(keyId)
      return known
    }
    const state = {}
    states.set(tenant, keyId, state)
    return state
  }

  /** Takes a permit of the reserve, else of this gateway's part of the refill. */
  function takeAlone(state: KeyState, perMinute: number, asked?: RateAsk): Counted {
    const nowMs = clock.monotonicMs()
    const nothing = { extra: 0, reserved: 0, askedAtMs: nowMs }
    const end = endAsk(
      state.reserve,
      perMinute,
      gatewaysForCertain(),
      asked ?? nothing,
      undefined,
      nowMs,
    )
    state.reserve = end.reserve
    if (end.kind !== 'none') return entered(end.reserve.permits, true)
    const sinceMs = silence.sinceMs() ?? nowMs
    const share = shareOf(perMinute, gateways(), sinceMs)
    const known = state.share?.silentSinceMs === sinceMs ? state.share.bucket : share.bucket
    const taken = takePermit(known, share.limits, nowMs)
    state.share = { silentSinceMs: sinceMs, bucket: taken.bucket }
    if (taken.kind === 'taken') return entered(Math.floor(taken.bucket.left), true)
    return { kind: 'rate', left: 0, retryAfterMs: taken.retryAfterMs, alone: true }
  }

  /** Asks Redis; undefined: it did not answer. */
  function draw(keyId: string, perMinute: number, asked: RateAsk) {
    silence.asked()
    return shared.draw(keyId, perMinute, asked).then(
      (drawn) => {
        silence.answered()
        return drawn
      },
      (error: unknown) => {
        log.debug({ err: error, keyId }, 'Redis did not count a request of a key')
        return undefined
      },
    )
  }

  /** Fills the reserve up while requests use it. */
  async function fill(keyId: string, state: KeyState, perMinute: number, asked: RateAsk) {
    const drawn = await draw(keyId, perMinute, asked)
    const nowMs = clock.monotonicMs()
    state.reserve = endRefill(state.reserve, perMinute, gatewaysForCertain(), asked, drawn, nowMs)
    if (drawn !== undefined) note(state, drawn, asked)
  }

  /** Remembers what Redis said about the bucket. */
  function note(
    state: KeyState,
    { kind, left, retryAfterMs }: Drawn,
    { askedAtMs }: RateAsk,
  ): void {
    state.left = left
    const empty = kind === 'empty' && (state.reserve?.permits ?? 0) < 1
    state.emptyUntilMs = empty ? askedAtMs + retryAfterMs : 0
  }

  async function takeTogether(keyId: string, state: KeyState, perMinute: number): Promise<Counted> {
    const begun = beginAsk(state.reserve, perMinute, gatewaysForCertain(), clock.monotonicMs())
    state.reserve = begun.reserve
    const asked = begun.ask
    const heard: { drawn?: Drawn | undefined } = {}
    const asking = draw(keyId, perMinute, asked)
    const hearing = asking.then((drawn) => Object.assign(heard, { drawn }))
    // A busy event loop runs late timers before it reads answers that have arrived.
    if (!(await settleWithin(hearing, ANSWER_WITHIN_MS))) await nextTurn()
    const { drawn } = heard
    if (drawn === undefined) {
      void asking.then((late) => {
        if (late === undefined) return
        const nowMs = clock.monotonicMs()
        state.reserve = keepLate(state.reserve, perMinute, gatewaysForCertain(), asked, late, nowMs)
        note(state, late, asked)
      })
      return takeAlone(state, perMinute, asked)
    }
    const { kind, reserve } = endAsk(
      state.reserve,
      perMinute,
      gatewaysForCertain(),
      asked,
      drawn,
      clock.monotonicMs(),
    )
    state.reserve = reserve
    note(state, drawn, asked)
    if (kind !== 'none') return entered(drawn.left + reserve.permits, false)
    return { kind: 'rate', left: 0, retryAfterMs: drawn.retryAfterMs, alone: false }
  }

  /** Refuses a request while Redis has no permit; undefined: it may have one. */
  function knownEmpty({ emptyUntilMs = 0 }: KeyState): Counted | undefined {
    const emptyForMs = Math.ceil(emptyUntilMs - clock.monotonicMs())
    if (emptyForMs <= 0) return undefined
    return { kind: 'rate', left: 0, retryAfterMs: emptyForMs, alone: false }
  }

  /** Finds a permit, without a question where possible: in a reserve that is full enough. */
  function take(caller: LimitedCaller, perMinute: number): Counted | Promise<Counted> {
    const { keyId } = caller
    const state = stateOf(caller)
    if (silence.isAlone()) return takeAlone(state, perMinute)
    const empty = knownEmpty(state)
    if (empty !== undefined) return empty
    const taken = takeReserved(state.reserve, perMinute, gatewaysForCertain(), clock.monotonicMs())
    if (taken === undefined) return takeTogether(keyId, state, perMinute)
    state.reserve = taken.reserve
    if (taken.refill !== undefined) void fill(keyId, state, perMinute, taken.refill)
    return entered((state.left ?? 0) + taken.reserve.permits, false)
  }

  /** Takes a place before a permit, so that a request without a place uses up no permit. */
  async function takeBoth(
    caller: LimitedCaller,
    concurrent: number,
    member: string,
  ): Promise<Counted> {
    const { keyId } = caller
    const perMinute = caller.limits?.requestsPerMinute
    const { kind, alone } = await places.enter(keyId, concurrent, member)
    if (kind === 'full')
      return {
        kind: 'concurrent',
        left: leftOf(keyId, perMinute),
        retryAfterMs: OPEN_RETRY_MS,
        alone,
      }
    const permit = perMinute === undefined ? NO_RATE : await take(caller, perMinute)
    if (permit.kind === 'entered') return { ...permit, alone: permit.alone || alone }
    places.leave(keyId, member)
    return permit
  }

  /** The permits that the key has left, as far as this gateway knows; -1 for a key without a rate. */
  function leftOf(keyId: string, perMinute: number | undefined): number {
    if (perMinute === undefined) return -1
    const { left = perMinute, reserve } = states.get(keyId) ?? {}
    return left + (reserve?.permits ?? 0)
  }

  return {
    enter(caller, member) {
      const perMinute = caller.limits?.requestsPerMinute
      const concurrent = caller.limits?.concurrent
      if (concurrent === undefined) {
        return perMinute === undefined ? NO_RATE : take(caller, perMinute)
      }
      // Without a permit a place is useless.
      const empty = silence.isAlone() ? undefined : knownEmpty(stateOf(caller))
      return empty ?? takeBoth(caller, concurrent, member)
    },
    leave: places.leave,
    renew: places.renew,
  }
}

function entered(left: number, alone: boolean): Counted {
  return { kind: 'entered', left, retryAfterMs: 0, alone }
}
