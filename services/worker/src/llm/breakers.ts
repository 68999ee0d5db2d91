import {
  admitCall,
  BREAKER_LIMITS,
  breakerAfterFailure,
  breakerAfterNothing,
  breakerAfterSuccess,
  CLOSED_BREAKER,
  type Breaker,
} from '@agentfleet/domain'
import type { Candidate } from './provider.ts'

/** The circuit breakers of a node, one for each model of each provider. */
export interface Breakers {
  /** Returns the time before which the candidate must not be asked; undefined if it may be asked now. */
  retryAtMs(candidate: Candidate): number | undefined
  kindOf(candidate: Candidate): Breaker['kind']
  /** Records a request; an open breaker whose time is over admits one. */
  asking(candidate: Candidate): void
  /** Records the result of a request; `nothing` says nothing about the provider. */
  settle(candidate: Candidate, what: 'success' | 'failure' | 'nothing'): void
}

/** Creates the breakers, all closed. */
export function createBreakers(nowMs: () => number): Breakers {
  const breakers = new Map<string, Breaker>()
  const keyOf = ({ provider, as }: Candidate): string => `${provider.name} ${as}`
  const of = (candidate: Candidate): Breaker => breakers.get(keyOf(candidate)) ?? CLOSED_BREAKER
  const set = (candidate: Candidate, breaker: Breaker): void => {
    // A closed breaker without failures is dropped, so that invented model names leave nothing behind.
    if (breaker.kind === 'closed' && breaker.failures === 0) breakers.delete(keyOf(candidate))
    else breakers.set(keyOf(candidate), breaker)
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
      const before = of(candidate)
      if (what === 'success') set(candidate, breakerAfterSuccess())
      else if (what === 'failure') {
        set(candidate, breakerAfterFailure(before, BREAKER_LIMITS, nowMs()))
      } else set(candidate, breakerAfterNothing(before, nowMs()))
    },
  }
}
