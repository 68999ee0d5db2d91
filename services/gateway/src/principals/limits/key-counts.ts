import type { CallerLimits } from '@agentfleet/adapters'
import type { Logger } from '@agentfleet/runtime'
import { createKeyPlaces } from './key-places.ts'
import { createKeyRates, type Counted, type LimitedCaller, type RateDeps } from './key-rates.ts'
import { createRedisSilence } from './redis-silence.ts'

/**
 * The counts of the keys at one gateway: requests in a minute, and what is open at once.
 *
 * A gateway alone (redis-silence.ts) lets through its reserve and its part of the refill (RATE-1, RATE-2), and its
 * part of the requests that may be open. Invariant (L7): the state of at most KEYS_MAX keys is held, and no tenant
 * makes the gateway forget that of a tenant with fewer keys; a request waits at most ANSWER_WITHIN_MS for its permit;
 * Redis is asked less often than permits come.
 */
export type KeyCounts = ReturnType<typeof createKeyCounts>

/** Milliseconds until an open request of the key may have ended. */
const OPEN_RETRY_MS = 1_000
const NO_RATE: Counted = { kind: 'entered', left: -1, retryAfterMs: 0, alone: false }

interface CountDeps extends Omit<RateDeps, 'silence'> {
  readonly shared: Pick<CallerLimits, 'draw' | 'open' | 'renew' | 'connected'>
  readonly log: Pick<Logger, 'debug'>
}

/** Creates the counts; at first all of them are 0. */
export function createKeyCounts(deps: CountDeps) {
  const silence = createRedisSilence(deps.shared, deps.clock, deps.log)
  const places = createKeyPlaces({ ...deps, silence })
  const rates = createKeyRates({ ...deps, silence })

  /** Takes a place before a permit, so that a request without a place uses up no permit. */
  async function takeBoth(
    caller: LimitedCaller,
    concurrent: number,
    member: string,
  ): Promise<Counted> {
    const { keyId } = caller
    const perMinute = caller.limits?.requestsPerMinute
    const { kind, alone } = await places.enter(keyId, concurrent, member)
    if (kind === 'full') {
      const left = rates.leftOf(keyId, perMinute)
      return { kind: 'concurrent', left, retryAfterMs: OPEN_RETRY_MS, alone }
    }
    const permit = perMinute === undefined ? NO_RATE : await rates.take(caller, perMinute)
    if (permit.kind === 'entered') return { ...permit, alone: permit.alone || alone }
    places.leave(keyId, member)
    return permit
  }

  return {
    /** Counts a request of a key; one that entered is open until `leave`. */
    enter(caller: LimitedCaller, member: string): Counted | Promise<Counted> {
      const perMinute = caller.limits?.requestsPerMinute
      const concurrent = caller.limits?.concurrent
      if (concurrent === undefined) {
        return perMinute === undefined ? NO_RATE : rates.take(caller, perMinute)
      }
      // Without a permit a place is useless.
      const empty = silence.isAlone() ? undefined : rates.knownEmpty(caller)
      return empty ?? takeBoth(caller, concurrent, member)
    },
    leave: places.leave,
    /** Keeps open requests counted in Redis. */
    renew: places.renew,
  }
}
