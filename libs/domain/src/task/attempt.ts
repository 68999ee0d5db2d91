import { duration } from '../text/figures.ts'
import { retryDelayMs } from '../llm/retry-policy.ts'
import { TIMING, type Timing } from '../timing.ts'
import { deadlineAtMs, isTerminal, type TaskRecord } from './task-record.ts'
import { PAUSES_MAX, type Waiting } from './wait.ts'
import type { TaskError } from './spec.ts'

/**
 * Attempts that may end without a report, for example because their node was killed, before the fleet takes the
 * task for the cause. A failed call is the task's fault and counts against `maxAttempts`; a lost node is not.
 */
export const LOST_ATTEMPTS_MAX = 5

/** The decision on a worker that wants to begin a re-issued task. */
type BeginDecision =
  | { readonly kind: 'start'; readonly attempt: number; readonly reason: 'reissued' }
  | { readonly kind: 'finished'; readonly reason: 'terminal' | 'unknown-task' }
  | { readonly kind: 'fail'; readonly error: TaskError; readonly reason: string }
  | { readonly kind: 'not-due'; readonly retryAtMs: number; readonly reason: 'backoff' }
  /** The pointer dates from before the task began to wait. */
  | { readonly kind: 'waiting'; readonly reason: Waiting['kind'] }

/** A fenced start of L3: whether the next attempt may start. */
export function decideBegin(record: TaskRecord | undefined, nowMs: number): BeginDecision {
  if (record === undefined) return { kind: 'finished', reason: 'unknown-task' }
  if (isTerminal(record.state)) return { kind: 'finished', reason: 'terminal' }
  if (nowMs >= deadlineAtMs(record)) {
    return { kind: 'fail', reason: 'deadline', error: deadlineError(record) }
  }
  if (record.waitingFor !== undefined) return { kind: 'waiting', reason: record.waitingFor.kind }
  const lost = record.attempt - record.failures - record.pauses
  if (lost > LOST_ATTEMPTS_MAX) {
    const message = `${lost} attempts were lost together with the node that ran them`
    return { kind: 'fail', reason: 'lost', error: { code: 'attempts-lost', message } }
  }
  if (record.state === 'retrying' && record.retryAtMs !== undefined && nowMs < record.retryAtMs) {
    return { kind: 'not-due', retryAtMs: record.retryAtMs, reason: 'backoff' }
  }
  return { kind: 'start', attempt: record.attempt + 1, reason: 'reissued' }
}

/**
 * After this share of `followAfterMs` only a coordinator may allow a start. The remaining time covers clocks
 * that differ.
 */
const OWN_START_SHARE = 0.75

/**
 * Whether another node may run a task that was submitted at `submittedAtMs` and has had no pointer until `nowMs` (L3):
 * after `followAfterMs` a coordinator issues the pointer that it misses. A frozen process or server delays a handover
 * or the first pointer so long.
 */
export function mayRunElsewhere(
  submittedAtMs: number,
  { followAfterMs }: Pick<Timing, 'followAfterMs'>,
  nowMs: number,
): boolean {
  return nowMs - submittedAtMs > followAfterMs * OWN_START_SHARE
}

/** The decision on an attempt that reported a failure. */
type FailureDecision =
  | { readonly kind: 'retry'; readonly retryAtMs: number; readonly reason: 'retryable' }
  | { readonly kind: 'fail'; readonly error: TaskError; readonly reason: string }

/** Retry with backoff while failures and time remain, else end the task. */
export function decideFailure(
  record: TaskRecord,
  failure: {
    readonly error: TaskError
    readonly retryable: boolean
    /** The provider refuses the task for this long. */
    readonly retryAfterMs?: number | undefined
  },
  nowMs: number,
  random: () => number,
  timing: Pick<Timing, 'scale'> = TIMING,
): FailureDecision {
  if (!failure.retryable) return { kind: 'fail', reason: 'not-retryable', error: failure.error }
  const failures = record.failures + 1
  if (failures >= record.spec.maxAttempts) {
    return { kind: 'fail', reason: 'attempts-exhausted', error: failure.error }
  }
  const { code } = failure.error
  const { retryAfterMs } = failure
  const delayMs = retryDelayMs({ code, retryAfterMs }, failures, random, timing)
  if (delayMs === undefined) {
    return { kind: 'fail', reason: 'class-exhausted', error: failure.error }
  }
  const retryAtMs = nowMs + delayMs
  if (retryAtMs >= deadlineAtMs(record)) {
    return { kind: 'fail', reason: 'deadline', error: failure.error }
  }
  return { kind: 'retry', retryAtMs, reason: 'retryable' }
}

/** The decision on a run that wants to give its slot back and wait. */
type PauseDecision =
  | { readonly kind: 'pause'; readonly reason: Waiting['kind'] }
  | { readonly kind: 'fail'; readonly error: TaskError; readonly reason: 'pauses-exhausted' }

/** A run may wait as long as its task has time; the number of pauses is bounded (L7). */
export function decidePause(record: TaskRecord, wait: Waiting): PauseDecision {
  if (record.pauses < PAUSES_MAX) return { kind: 'pause', reason: wait.kind }
  const message = `the run paused ${PAUSES_MAX} times, the most allowed; let each pause wait for several things at once`
  return { kind: 'fail', reason: 'pauses-exhausted', error: { code: 'too-many-pauses', message } }
}

/** The error of a task whose lifetime ended. */
export function deadlineError(record: TaskRecord): TaskError {
  return {
    code: 'deadline-exceeded',
    message: `the task did not finish within its time limit of ${duration(record.spec.timeoutMs)} (timeoutMs)`,
  }
}
