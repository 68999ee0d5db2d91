import type { CallerLimits } from '@agentfleet/adapters'
import type { Clock } from '@agentfleet/runtime'

/**
 * Whether Redis counts for this gateway.
 *
 * States: together (Redis counts for all gateways) → alone (Redis has answered nothing for ANSWER_WITHIN_MS, or is
 * not connected) → together, with the next answer. A gateway alone asks Redis one question at a time.
 */
export interface RedisSilence {
  /** Note that Redis was asked, and that it has answered. */
  asked(): void
  answered(): void
  isAlone(): boolean
  /** When Redis was first asked after its latest answer; undefined: it owes none. */
  sinceMs(): number | undefined
}

/** A Redis that is busy answers sooner; one that is frozen costs each first request this long, milliseconds. */
export const ANSWER_WITHIN_MS = 2_000
/** Counted like a key, because a Redis that is full answers other commands; no key of the API has this id. */
const PROBE = { keyId: 'probe', perMinute: 1_000_000 }

/** Creates the state; at first Redis owes no answer. */
export function createRedisSilence(
  shared: Pick<CallerLimits, 'draw' | 'connected'>,
  clock: Pick<Clock, 'monotonicMs'>,
): RedisSilence {
  let sinceMs: number | undefined
  let probing = false

  function probe(): void {
    if (probing || !shared.connected()) return
    probing = true
    const answered = () => (sinceMs = undefined)
    const ended = () => (probing = false)
    shared.draw(PROBE.keyId, PROBE.perMinute).then(answered).then(ended, ended)
  }

  return {
    asked: () => void (sinceMs ??= clock.monotonicMs()),
    answered: () => (sinceMs = undefined),
    isAlone() {
      const nowMs = clock.monotonicMs()
      if (!shared.connected()) sinceMs ??= nowMs
      else if (sinceMs === undefined || nowMs - sinceMs < ANSWER_WITHIN_MS) return false
      probe()
      return true
    },
    sinceMs: () => sinceMs,
  }
}
