import type { Timing } from '../timing.ts'
import { deadlineAtMs, isTerminal, type TaskRecord } from './task-record.ts'

/** Why a task needs no repair. */
export type Idle = 'young' | 'has-pointer' | 'backoff' | 'finished' | 'waiting'

/** The missing part of an unfinished task, as the follower of the log sees it (L8). */
export type Repair =
  | { readonly kind: 'none'; readonly reason: Idle }
  | { readonly kind: 'expire'; readonly reason: 'deadline' }
  | { readonly kind: 'issue-pointer'; readonly reason: 'retry-due' | 'pointer-missing' }

/** Decides the repair of one unfinished task. `hasPointer` undefined: not looked up yet. */
export function decideRepair(
  record: TaskRecord,
  hasPointer: boolean | undefined,
  { followAfterMs }: Pick<Timing, 'followAfterMs'>,
  nowMs: number,
): Repair {
  if (isTerminal(record.state)) return { kind: 'none', reason: 'finished' }
  if (nowMs >= deadlineAtMs(record)) return { kind: 'expire', reason: 'deadline' }
  // The event that ends the wait also issues its pointer.
  if (record.state === 'waiting') return { kind: 'none', reason: 'waiting' }
  if (record.state === 'retrying') {
    const dueMs = record.retryAtMs ?? record.updatedAtMs
    if (nowMs < dueMs) return { kind: 'none', reason: 'backoff' }
    return hasPointer === true
      ? { kind: 'none', reason: 'has-pointer' }
      : { kind: 'issue-pointer', reason: 'retry-due' }
  }
  if (nowMs - record.updatedAtMs < followAfterMs) return { kind: 'none', reason: 'young' }
  return hasPointer === false
    ? { kind: 'issue-pointer', reason: 'pointer-missing' }
    : { kind: 'none', reason: 'has-pointer' }
}
