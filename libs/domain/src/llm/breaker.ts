/**
 * The circuit breaker of one model of one provider: whoever fails again and again is left alone for
 * a while, so that calls go elsewhere at once instead of waiting for the next failure.
 *
 * States: closed (counts failures in a row) → open (nobody calls until an instant) → probing (one call
 * finds out) → closed, or open again for longer. Invariants: one probe at a time; a probe that never
 * comes back gives its place up at `untilMs`; only what is the provider's fault counts.
 */
export type Breaker =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open'; readonly untilMs: number; readonly opened: number }
  | { readonly kind: 'probing'; readonly untilMs: number; readonly opened: number }

/** When a breaker opens, and for how long. */
export interface BreakerLimits {
  readonly failuresMax: number
  readonly openMs: number
  readonly openMaxMs: number
  /** Longest time a probe may take before another one is let through. */
  readonly probeMs: number
}

/** Five in a row are no chance; two minutes at most, so that a provider that is back is noticed. */
export const BREAKER_LIMITS: BreakerLimits = {
  failuresMax: 5,
  openMs: 5_000,
  openMaxMs: 120_000,
  probeMs: 30_000,
}

/** A breaker that has seen nothing. */
export const CLOSED_BREAKER: Breaker = { kind: 'closed', failures: 0 }

/** Whether a call may be made, with the breaker after that. */
export type BreakerDecision =
  | { readonly kind: 'allow'; readonly reason: 'closed' | 'probe'; readonly breaker: Breaker }
  | { readonly kind: 'deny'; readonly reason: 'open' | 'probing'; readonly retryAtMs: number }

/** Lets a call through, or says when to ask again. */
export function admitCall(breaker: Breaker, limits: BreakerLimits, nowMs: number): BreakerDecision {
  if (breaker.kind === 'closed') return { kind: 'allow', reason: 'closed', breaker }
  if (nowMs < breaker.untilMs) {
    return { kind: 'deny', reason: breaker.kind, retryAtMs: breaker.untilMs }
  }
  const untilMs = nowMs + limits.probeMs
  const probing: Breaker = { kind: 'probing', untilMs, opened: breaker.opened }
  return { kind: 'allow', reason: 'probe', breaker: probing }
}

/** The provider answered. */
export function breakerAfterSuccess(): Breaker {
  return CLOSED_BREAKER
}

/** A call failed by the provider's fault. */
export function breakerAfterFailure(
  breaker: Breaker,
  limits: BreakerLimits,
  nowMs: number,
): Breaker {
  // A call that began before it opened says nothing new.
  if (breaker.kind === 'open') return breaker
  if (breaker.kind === 'closed') {
    const failures = breaker.failures + 1
    if (failures < limits.failuresMax) return { kind: 'closed', failures }
    return { kind: 'open', untilMs: nowMs + limits.openMs, opened: 1 }
  }
  const openMs = Math.min(limits.openMaxMs, limits.openMs * 2 ** Math.min(breaker.opened, 20))
  return { kind: 'open', untilMs: nowMs + openMs, opened: breaker.opened + 1 }
}

/** A call ended without a word on the provider (cancelled, out of time): a probe may be made again. */
export function breakerAfterNothing(breaker: Breaker, nowMs: number): Breaker {
  if (breaker.kind !== 'probing') return breaker
  return { kind: 'open', untilMs: nowMs, opened: breaker.opened }
}
