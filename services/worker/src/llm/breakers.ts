import {
  admitCall,
  BREAKER_LIMITS,
  breakerAfter,
  CLOSED_BREAKER,
  type Breaker,
  type BreakerEvent,
} from '@agentfleet/domain'
import { candidateKey, type Candidate } from './provider.ts'

/** The circuit breakers of a node, one for each model of each provider. */
export interface Breakers {
  /** Returns the time before which the candidate must not be asked; undefined if it may be asked now. */
  retryAtMs(candidate: Candidate): number | undefined
  kindOf(candidate: Candidate): Breaker['kind']
  /** Records a request; an open breaker whose time is over admits one. */
  asking(candidate: Candidate): void
  /** Records the result of a request. */
  settle(candidate: Candidate, what: BreakerEvent): void
}

/** Creates the breakers, all closed. */
export function createBreakers(nowMs: () => number): Breakers {
  const breakers = new Map<string, Breaker>()
  const of = (candidate: Candidate): Breaker =>
    breakers.get(candidateKey(candidate)) ?? CLOSED_BREAKER
  const set = (candidate: Candidate, breaker: Breaker): void => {
    // A closed breaker without failures is dropped, so that invented model names leave nothing behind.
    if (breaker.kind === 'closed' && breaker.failures === 0)
      breakers.delete(candidateKey(candidate))
    else breakers.set(candidateKey(candidate), breaker)
  }
  return {
    kindOf: (candidate) => of(candidate).kind,
    retryAtMs(candidate) {
      const admitted = admitCall(of(candidate), BREAKER_LIMITS, nowMs())
      return admitted.kind === 'deny' ? admitted.retryAtMs : undefined
    },
    asking(candidate) {
      const admitted = admitCall(of(candidate), BREAKER_LIMITS, nowMs())
      if (admitted.kind === 'allow') set(candidate, admitted.breaker)
    },
    settle(candidate, what) {
      set(candidate, breakerAfter(of(candidate), what, BREAKER_LIMITS, nowMs()))
    },
  }
}
