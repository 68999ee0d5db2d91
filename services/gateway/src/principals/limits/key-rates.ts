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
import type { Clock } from '@agentfleet/runtime'
import { inTime, type RedisSilence } from './redis-silence.ts'

/** What the rates of the keys need. */
export interface RateDeps {
  readonly shared: Pick<CallerLimits, 'draw'>
  readonly silence: RedisSilence
  /** Returns how many gateways a coordinator has counted. */
  readonly gateways: () => number
  /** Returns the number of gateways if this one may rely on it. */
  readonly gatewaysForCertain: () => GatewayCount
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** What the counts need to know of the caller. */
export type LimitedCaller = Pick<Principal, 'keyId' | 'tenant' | 'limits'>

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

interface KeyState {
  reserve?: Reserve
  /** Permits that Redis had when it last answered. */
  left?: number
  /** Redis has no permit before this time. */
  emptyUntilMs?: number
  /** Counts from the silence that it began with. */
  share?: { readonly silentSinceMs: number; readonly bucket: Bucket }
}

/** Creates the requests of the keys in a minute; at first no key has one. */
export function createKeyRates(deps: RateDeps) {
  const { shared, silence, gatewaysForCertain, clock } = deps
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

  const draw = (keyId: string, perMinute: number, asked: RateAsk) =>
    silence.ask(keyId, shared.draw(keyId, perMinute, asked))

  /** Fills the reserve up while requests use it. */
  async function fill(keyId: string, state: KeyState, perMinute: number, asked: RateAsk) {
    const drawn = await draw(keyId, perMinute, asked)
    const nowMs = clock.monotonicMs()
    state.reserve = endRefill(state.reserve, perMinute, gatewaysForCertain(), asked, drawn, nowMs)
    if (drawn !== undefined) note(state, drawn, asked)
  }

  async function takeTogether(keyId: string, state: KeyState, perMinute: number): Promise<Counted> {
    const begun = beginAsk(state.reserve, perMinute, gatewaysForCertain(), clock.monotonicMs())
    state.reserve = begun.reserve
    const asked = begun.ask
    const asking = draw(keyId, perMinute, asked)
    const drawn = await inTime(asking)
    if (drawn === undefined) {
      void asking.then((late) => {
        if (late === undefined) return
        const nowMs = clock.monotonicMs()
        state.reserve = keepLate(state.reserve, perMinute, gatewaysForCertain(), asked, late, nowMs)
        note(state, late, asked)
      })
      return takeAlone(deps, state, perMinute, asked)
    }
    const nowMs = clock.monotonicMs()
    const end = endAsk(state.reserve, perMinute, gatewaysForCertain(), asked, drawn, nowMs)
    state.reserve = end.reserve
    note(state, drawn, asked)
    if (end.kind !== 'none') return entered(drawn.left + end.reserve.permits, false)
    return { kind: 'rate', left: 0, retryAfterMs: drawn.retryAfterMs, alone: false }
  }

  return {
    /** Refuses a request while Redis has no permit; undefined: it may have one. */
    knownEmpty: (caller: LimitedCaller) => emptyNow(stateOf(caller), clock.monotonicMs()),
    /** Finds a permit, without a question where possible: in a reserve that is full enough. */
    take(caller: LimitedCaller, perMinute: number): Counted | Promise<Counted> {
      const { keyId } = caller
      const state = stateOf(caller)
      if (silence.isAlone()) return takeAlone(deps, state, perMinute)
      const nowMs = clock.monotonicMs()
      const empty = emptyNow(state, nowMs)
      if (empty !== undefined) return empty
      const taken = takeReserved(state.reserve, perMinute, gatewaysForCertain(), nowMs)
      if (taken === undefined) return takeTogether(keyId, state, perMinute)
      state.reserve = taken.reserve
      if (taken.refill !== undefined) void fill(keyId, state, perMinute, taken.refill)
      return entered((state.left ?? 0) + taken.reserve.permits, false)
    },
    /** The permits that the key has left, as far as this gateway knows; -1 for a key without a rate. */
    leftOf(keyId: string, perMinute: number | undefined): number {
      if (perMinute === undefined) return -1
      const { left = perMinute, reserve } = states.get(keyId) ?? {}
      return left + (reserve?.permits ?? 0)
    },
  }
}

/** Takes a permit of the reserve, else of this gateway's part of the refill. */
function takeAlone(
  { silence, gateways, gatewaysForCertain, clock }: RateDeps,
  state: KeyState,
  perMinute: number,
  asked?: RateAsk,
): Counted {
  const nowMs = clock.monotonicMs()
  const ask = asked ?? { extra: 0, reserved: 0, askedAtMs: nowMs }
  const end = endAsk(state.reserve, perMinute, gatewaysForCertain(), ask, undefined, nowMs)
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

/** Remembers what Redis said about the bucket. */
function note(state: KeyState, { kind, left, retryAfterMs }: Drawn, { askedAtMs }: RateAsk): void {
  state.left = left
  const empty = kind === 'empty' && (state.reserve?.permits ?? 0) < 1
  state.emptyUntilMs = empty ? askedAtMs + retryAfterMs : 0
}

/** Refuses a request while Redis has no permit; undefined: it may have one. */
function emptyNow({ emptyUntilMs = 0 }: KeyState, nowMs: number): Counted | undefined {
  const emptyForMs = Math.ceil(emptyUntilMs - nowMs)
  if (emptyForMs <= 0) return undefined
  return { kind: 'rate', left: 0, retryAfterMs: emptyForMs, alone: false }
}

function entered(left: number, alone: boolean): Counted {
  return { kind: 'entered', left, retryAfterMs: 0, alone }
}
