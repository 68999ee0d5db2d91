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

/** The breakers of a node, one for each model of each provider. */
export interface Breakers {
  /** When it may be asked: now, or not before an instant. */
  retryAtMs(candidate: Candidate): number | undefined
  kindOf(candidate: Candidate): Breaker['kind']
  /** It is being asked; an open one whose time is over lets one call through. */
  asking(candidate: Candidate): void
  /** What came of asking; `nothing`: no word on the provider. */
  settle(candidate: Candidate, what: 'success' | 'failure' | 'nothing'): void
}

/** All closed at first. */
export function createBreakers(nowMs: () => number): Breakers {
  const breakers = new Map<string, Breaker>()
  const keyOf = ({ provider, as }: Candidate): string => `${provider.name} ${as}`
  const of = (candidate: Candidate): Breaker => breakers.get(keyOf(candidate)) ?? CLOSED_BREAKER
  const set = (candidate: Candidate, breaker: Breaker): void => {
    // Only what is not as at first is kept, so models that tasks make up leave nothing behind.
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
