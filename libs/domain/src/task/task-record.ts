import type { Budget, Json } from './values.ts'
import type { JournaledCall, Placed, TaskError, TaskSpec, TaskState } from './spec.ts'
import type { Usage } from '../llm/price.ts'
import { dueAtMs, type Approval, type ChildRef, type ParentRef, type Waiting } from './wait.ts'

/** A task as its events so far describe it. */
export interface TaskRecord {
  readonly taskId: string
  readonly tenant: string
  readonly spec: TaskSpec
  readonly specHash: string
  readonly state: TaskState
  /** Log sequence of the last event folded in: the fencing token of whoever runs the task (L3). */
  readonly seq: number
  readonly submittedSeq: number
  readonly submittedAtMs: number
  /**
   * Instant of the log's clock at which `submitted` was stored; present when the submitter's clock
   * said something else by more than SKEW_TOLERATED_MS.
   */
  readonly storedAtMs?: number
  readonly updatedAtMs: number
  /**
   * The attempt now entitled to run, from 1; the first runs without an event of its own. 0 while the
   * task has waited since its submission: then every attempt begins by an event.
   */
  readonly attempt: number
  /** Attempts that reported a failure (lost attempts do not count). */
  readonly failures: number
  /** Attempts that ended in a pause. */
  readonly pauses: number
  /** Why the task waits; present in state `waiting` only. */
  readonly waitingFor?: Waiting
  /** Every word on a step that asked for approval. */
  readonly approvals: readonly Approval[]
  readonly children: readonly ChildRef[]
  readonly parent?: ParentRef
  /** What its children may use of its budget; no longer its own. */
  readonly granted?: Budget
  /** Oldest log sequence that its dependencies may stand at. */
  readonly neededFrom?: number
  readonly node?: string
  /** The last placement that an event told of. */
  readonly placed?: Placed
  readonly retryAtMs?: number
  readonly calls: readonly JournaledCall[]
  readonly usage: Usage
  readonly result?: Json
  readonly error?: TaskError
}

/** Whether nothing can follow this state. */
export function isTerminal(state: TaskState): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled'
}

/** Clocks of machines whose time is kept differ by less, milliseconds. */
export const SKEW_TOLERATED_MS = 1_000

/** Instant from which the time of a task counts, by the clock of the log where the two differ. */
export function startOf({ storedAtMs, submittedAtMs }: TaskRecord): number {
  return storedAtMs ?? submittedAtMs
}

/** Epoch instant after which the task fails for lack of time; a delay does not use its time up. */
export function deadlineAtMs(record: TaskRecord): number {
  return dueAtMs(record.spec, startOf(record)) + record.spec.timeoutMs
}
