import { backoffDelayMs, TASK_BACKOFF, type BackoffLimits } from '../backoff.ts'
import type { RetryClass } from '../failure/failure-code.ts'
import { failureCode } from '../failure/failure-codes.ts'
import { TIMING, type Timing } from '../timing.ts'

/** How failures of one class are retried. */
interface RetryPolicy {
  /** Undefined: never. */
  readonly backoff: BackoffLimits | undefined
  /** Failures after which a task of this class ends, whatever its `maxAttempts` says. */
  readonly failuresMax: number
}

/**
 * One row for each class; the task's `maxAttempts` holds for all classes. A class without a backoff would
 * fail in the same way again: the journal and the spec are the same.
 */
export const RETRY_POLICIES: Readonly<Record<RetryClass, RetryPolicy>> = {
  // All callers of the model are refused together: spread the retries, and give the provider two minutes.
  'provider-overload': { backoff: { baseMs: 1_000, capMs: 120_000 }, failuresMax: Infinity },
  'provider-unavailable': { backoff: TASK_BACKOFF, failuresMax: Infinity },
  // A timeout has already cost its whole time, and perhaps the provider's tokens.
  timeout: { backoff: { baseMs: 500, capMs: 30_000 }, failuresMax: 5 },
  'invalid-output': { backoff: undefined, failuresMax: 1 },
  // An empty answer costs as much as any other: one retry, not three.
  'empty-answer': { backoff: TASK_BACKOFF, failuresMax: 2 },
  'tool-failure': { backoff: { baseMs: 1_000, capMs: 60_000 }, failuresMax: Infinity },
  refusal: { backoff: undefined, failuresMax: 1 },
  limit: { backoff: undefined, failuresMax: 1 },
  // Another node may run another version.
  defect: { backoff: { baseMs: 2_000, capMs: 60_000 }, failuresMax: Infinity },
}

/**
 * The fleet ignores a longer pause that a provider asks for, because most tasks would reach their deadline
 * before its end.
 */
const RETRY_AFTER_MAX_MS = 600_000

/** The class of a failure's code; an unknown code counts as a defect. */
export function retryClassOf(code: string): RetryClass {
  return failureCode(code)?.task?.class ?? 'defect'
}

/**
 * Delay before the next attempt after this many failures, milliseconds; undefined when there is none. A code
 * that says "retryable" in a class that usually is not (as a tool may) takes precedence. The provider's own
 * delay holds at any scale.
 */
export function retryDelayMs(
  { code, retryAfterMs }: { readonly code: string; readonly retryAfterMs?: number | undefined },
  failures: number,
  random: () => number,
  { scale }: Pick<Timing, 'scale'> = TIMING,
): number | undefined {
  const { backoff, failuresMax } = RETRY_POLICIES[retryClassOf(code)]
  if (backoff !== undefined && failures >= failuresMax) return undefined
  const { baseMs, capMs } = backoff ?? TASK_BACKOFF
  const limits = { baseMs: baseMs * scale, capMs: capMs * scale }
  const delayMs = backoffDelayMs(failures, limits, random)
  // The jitter comes on top, because all callers got the same time.
  return delayMs + Math.min(RETRY_AFTER_MAX_MS, Math.max(0, retryAfterMs ?? 0))
}
