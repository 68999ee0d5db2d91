import {
  admitCall,
  BREAKER_LIMITS,
  breakerAfter,
  CLOSED_BREAKER,
  createOwnedMap,
  type Breaker,
  type BreakerEvent,
} from '@agentfleet/domain'
import { candidateKey, type Candidate } from './provider.ts'

/** The circuit breakers of a node, one for each model of each provider. */
export type Breakers = ReturnType<typeof createBreakers>

/**
 * Breakers that are open or count failures. Tasks choose the names of models, so each tenant has a share (L7); a
 * forgotten breaker is closed, and the next failures open it again.
 */
const BREAKERS_MAX = 1_000

/** Creates the breakers, all closed. */
export function createBreakers(nowMs: () => number) {
  const breakers = createOwnedMap<Breaker>(BREAKERS_MAX)
  const of = (candidate: Candidate): Breaker =>
    breakers.get(candidateKey(candidate)) ?? CLOSED_BREAKER
  const set = (tenant: string, candidate: Candidate, breaker: Breaker): void => {
    // A closed breaker without failures is dropped: it is what an unknown candidate has.
    if (breaker.kind === 'closed' && breaker.failures === 0)
      breakers.delete(candidateKey(candidate))
    else breakers.set(tenant, candidateKey(candidate), breaker)
  }
  return {
    kindOf: (candidate: Candidate): Breaker['kind'] => of(candidate).kind,
    /** Returns the time before which the candidate must not be asked; undefined if it may be asked now. */
    retryAtMs(candidate: Candidate): number | undefined {
      const admitted = admitCall(of(candidate), BREAKER_LIMITS, nowMs())
      return admitted.kind === 'deny' ? admitted.retryAtMs : undefined
    },
    /** Records a request; an open breaker whose time is over admits one. */
    asking(tenant: string, candidate: Candidate): void {
      const admitted = admitCall(of(candidate), BREAKER_LIMITS, nowMs())
      if (admitted.kind === 'allow') set(tenant, candidate, admitted.breaker)
    },
    /** Records the result of a request. */
    settle(tenant: string, candidate: Candidate, what: BreakerEvent): void {
      set(tenant, candidate, breakerAfter(of(candidate), what, BREAKER_LIMITS, nowMs()))
    },
  }
}
