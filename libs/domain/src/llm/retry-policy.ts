import { backoffAfterMs, TASK_BACKOFF, type BackoffLimits } from '../backoff.ts'
import { failureCode, type RetryClass } from '../failure/failure-codes.ts'
import { TIMING, type Timing } from '../timing.ts'

/** How failures of one class are repeated. */
export interface RetryPolicy {
  /** Undefined: never. */
  readonly backoff: BackoffLimits | undefined
  /** Failures after which a task of this class ends, whatever its `maxAttempts` says. */
  readonly failuresMax: number
}

/**
 * One row for each class; `maxAttempts` of the task holds for all of them. Classes without a backoff
 * would end the next time as they did this time: the journal and the spec are the same.
 */
export const RETRY_POLICIES: Readonly<Record<RetryClass, RetryPolicy>> = {
  // All callers of the model are refused together: spread out, and give the provider two minutes.
  'provider-overload': { backoff: { baseMs: 1_000, capMs: 120_000 }, failuresMax: Infinity },
  'provider-unavailable': { backoff: TASK_BACKOFF, failuresMax: Infinity },
  // A timeout has cost its whole time already, and perhaps the provider's tokens too.
  timeout: { backoff: { baseMs: 500, capMs: 30_000 }, failuresMax: 5 },
  'invalid-output': { backoff: undefined, failuresMax: 1 },
  // An empty answer is paid for like any other: one more try, not three.
  'empty-answer': { backoff: TASK_BACKOFF, failuresMax: 2 },
  'tool-failure': { backoff: { baseMs: 1_000, capMs: 60_000 }, failuresMax: Infinity },
  refusal: { backoff: undefined, failuresMax: 1 },
  limit: { backoff: undefined, failuresMax: 1 },
  // Another node may run another version.
  defect: { backoff: { baseMs: 2_000, capMs: 60_000 }, failuresMax: Infinity },
}

/** The class of a failure's code; one that is not known is taken for a defect. */
export function retryClassOf(code: string): RetryClass {
  return failureCode(code)?.task?.class ?? 'defect'
}

/**
 * Delay before the next attempt after so many failures, milliseconds; undefined when there is none. A
 * code that says "retryable" of a class that usually is not (a tool knows best) is believed. What a
 * provider asks for holds at any scale.
 */
export function retryDelayMs(
  failure: { readonly code: string; readonly retryAfterMs?: number | undefined },
  failures: number,
  random: () => number,
  { scale }: Pick<Timing, 'scale'> = TIMING,
): number | undefined {
  const { backoff, failuresMax } = RETRY_POLICIES[retryClassOf(failure.code)]
  if (backoff !== undefined && failures >= failuresMax) return undefined
  const { baseMs, capMs } = backoff ?? TASK_BACKOFF
  const limits = { baseMs: baseMs * scale, capMs: capMs * scale }
  return backoffAfterMs(failures, limits, failure.retryAfterMs, random)
}
