import type { AdviceRecord } from '@agentfleet/protocol'

/** `off`: never asked; `shadow`: asked and recorded, not applied; `on`: applied. */
export type AdviserMode = 'off' | 'shadow' | 'on'

/** Why there is no usable answer; the policy then decides alone. */
export type NoAdvice =
  | Exclude<AdviceRecord['outcome'], 'applied' | 'followed-policy'>
  /** The mode is `off`, or there is no provider. */
  | 'off'
  /** No question was ever asked. */
  | 'none'
  /** The figures are not those that the question declares. */
  | 'not-figures'
  /** A function of the question threw. */
  | 'question-failed'

/** An adviser's reply: an answer within its clamps, or why there is none. */
export type Advice<A> =
  | { readonly kind: 'applied'; readonly answer: A; readonly record: AdviceRecord }
  | { readonly kind: 'not-applied'; readonly reason: NoAdvice; readonly record?: AdviceRecord }

/** Advice, and until when it holds on the monotonic clock; 0: it never held. */
export interface Consultation<A> {
  readonly advice: Advice<A>
  readonly expiresAtMs: number
}

/** No advice, for a reason. */
export function without<A>(reason: NoAdvice, record?: AdviceRecord): Advice<A> {
  return { kind: 'not-applied', reason, ...(record && { record }) }
}
