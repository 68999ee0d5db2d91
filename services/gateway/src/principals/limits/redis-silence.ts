import type { CallerLimits } from '@agentfleet/adapters'
import { settleWithin, type Clock, type Logger } from '@agentfleet/runtime'
import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Whether Redis counts for this gateway.
 *
 * States: together (Redis counts for all gateways) → alone (Redis has answered nothing for ANSWER_WITHIN_MS, or is
 * not connected) → together, with the next answer. A gateway alone asks Redis one question at a time.
 */
export interface RedisSilence {
  /** Notes that Redis was asked, and its answer; undefined: it did not count the requests. */
  ask<T>(keyId: string, question: Promise<T>): Promise<T | undefined>
  isAlone(): boolean
  /** When Redis was first asked after its latest answer; undefined: it owes none. */
  sinceMs(): number | undefined
}

/** A Redis that is busy answers sooner; one that is frozen costs each first request this long, milliseconds. */
const ANSWER_WITHIN_MS = 2_000
/** Counted like a key, because a Redis that is full answers other commands; no key of the API has this id. */
const PROBE = { keyId: 'probe', perMinute: 1_000_000 }

/** Creates the state; at first Redis owes no answer. */
export function createRedisSilence(
  shared: Pick<CallerLimits, 'draw' | 'connected'>,
  clock: Pick<Clock, 'monotonicMs'>,
  log: Pick<Logger, 'debug'>,
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
    ask(keyId, question) {
      sinceMs ??= clock.monotonicMs()
      return question.then(
        (answer) => {
          sinceMs = undefined
          return answer
        },
        (error: unknown) => {
          log.debug({ err: error, keyId }, 'Redis did not count requests of a key')
          return undefined
        },
      )
    },
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

/** Returns the answer if it comes within ANSWER_WITHIN_MS. */
export async function inTime<T>(asking: Promise<T>): Promise<T | undefined> {
  let answer: T | undefined
  const hearing = asking.then((heard) => {
    answer = heard
  })
  // A busy event loop runs late timers before it reads answers that have arrived.
  if (!(await settleWithin(hearing, ANSWER_WITHIN_MS))) await nextTurn()
  return answer
}
