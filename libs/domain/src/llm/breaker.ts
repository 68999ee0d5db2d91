/**
 * The circuit breaker of one model of one provider. After repeated failures it stops calls for a while, so
 * that they go to another provider at once instead of waiting for the next failure.
 *
 * States: closed (counts failures in a row) → open (no calls until a set time) → probing (one call finds out)
 * → closed, or open again for longer. Invariants: one probe at a time; a probe that never ends frees its
 * place at `untilMs`; only failures of the provider count.
 */
export type Breaker =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open'; readonly untilMs: number; readonly opened: number }
  | { readonly kind: 'probing'; readonly untilMs: number; readonly opened: number }

/**
 * When the breaker of a model opens, and for how long. Five in a row are not chance; at most two minutes, so that a
 * recovered provider is noticed.
 */
export const BREAKER_LIMITS = {
  failuresMax: 5,
  openMs: 5_000,
  openMaxMs: 120_000,
  /** Longest time of a probe before the next one may pass. */
  probeMs: 30_000,
} as const
/** When a breaker opens, and for how long. */
export type BreakerLimits = Readonly<Record<keyof typeof BREAKER_LIMITS, number>>

/** A breaker without any calls yet. */
export const CLOSED_BREAKER: Breaker = { kind: 'closed', failures: 0 }

/** Whether a call may be made, and the breaker afterwards. */
type BreakerDecision =
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

/** How a call ended: `nothing` shows nothing about the provider (cancelled, out of time). */
export type BreakerEvent = 'success' | 'failure' | 'nothing'

/** The breaker after the end of a call. */
export function breakerAfter(
  breaker: Breaker,
  event: BreakerEvent,
  limits: BreakerLimits,
  nowMs: number,
): Breaker {
  if (event === 'success') return CLOSED_BREAKER
  if (event === 'failure') return afterFailure(breaker, limits, nowMs)
  // Another probe may pass.
  if (breaker.kind !== 'probing') return breaker
  return { kind: 'open', untilMs: nowMs, opened: breaker.opened }
}

function afterFailure(breaker: Breaker, limits: BreakerLimits, nowMs: number): Breaker {
  // A call that began before the breaker opened shows nothing new.
  if (breaker.kind === 'open') return breaker
  if (breaker.kind === 'closed') {
    const failures = breaker.failures + 1
    if (failures < limits.failuresMax) return { kind: 'closed', failures }
    return { kind: 'open', untilMs: nowMs + limits.openMs, opened: 1 }
  }
  const openMs = Math.min(limits.openMaxMs, limits.openMs * 2 ** Math.min(breaker.opened, 20))
  return { kind: 'open', untilMs: nowMs + openMs, opened: breaker.opened + 1 }
}
