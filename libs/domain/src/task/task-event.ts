import type { CalledBy, CallTimes, JournaledCall, Placed, TaskError, TaskSpec } from './spec.ts'
import type { Json } from './values.ts'
import type { Usage } from '../llm/price.ts'
import type { Approval, ParentRef, Waiting } from './wait.ts'

interface At {
  readonly atMs: number
}
/** The first event of every task. */
export interface Submitted extends At {
  readonly type: 'submitted'
  readonly tenant: string
  readonly spec: TaskSpec
  /** Distinguishes a repeated submission from a different submission under the same idempotency key. */
  readonly specHash: string
  /** The task that made this task. */
  readonly parent?: ParentRef
  /** Oldest log sequence at which the results it depends on may be stored; the log keeps them for it. */
  readonly neededFrom?: number
  /** Finished calls of an ended task that this task reuses; it does not pay for them again. */
  readonly journal?: readonly JournaledCall[]
}
/** A re-issued pointer was accepted; older runs can no longer report (L3). */
interface AttemptStarted extends At {
  readonly type: 'attempt-started'
  readonly attempt: number
  readonly node: string
  readonly placed?: Placed
}
/** A call was paid for; its answer is kept. */
interface CallFinished extends At {
  readonly type: 'call-finished'
  readonly attempt: number
  readonly call: JournaledCall
  readonly placed?: Placed
}
/** The attempt failed and another one is due at `retryAtMs`. */
interface AttemptFailed extends At {
  readonly type: 'attempt-failed'
  readonly attempt: number
  /** The node that ran the attempt; absent in events of earlier releases. */
  readonly node?: string
  readonly error: TaskError
  readonly retryAtMs: number
  readonly placed?: Placed
}
/** The wait since the submission, or the time that the run asked for, is over. */
interface Released extends At {
  readonly type: 'released'
  readonly reason: 'dependencies' | 'time'
}
/** The run gave its slot back to wait; neither a failure nor a loss. */
export interface Paused extends At {
  readonly type: 'paused'
  readonly attempt: number
  readonly wait: Waiting
  readonly placed?: Placed
}
/** The wait of a paused run is over. */
export interface Resumed extends At {
  readonly type: 'resumed'
  readonly reason: 'approval' | 'children'
  readonly approval?: Approval
}
/** A run made tasks; a service that finds one of them missing makes it from this event (L8). */
export interface Spawned extends At {
  readonly type: 'spawned'
  readonly attempt: number
  readonly step: number
  readonly children: readonly { readonly taskId: string; readonly spec: TaskSpec }[]
  readonly placed?: Placed
}
/** Terminal: the result. */
export interface Completed extends At {
  readonly type: 'completed'
  readonly attempt: number
  readonly node: string
  readonly result: Json
  /** The usage of all calls, including the last one, which has no separate event. */
  readonly usage: Usage
  /** The provider of the last call. */
  readonly by?: CalledBy
  /** When the last call was made. */
  readonly lastCall?: CallTimes
  readonly placed?: Placed
}
/** Terminal: failed, with the reason. */
export interface Failed extends At {
  readonly type: 'failed'
  readonly attempt: number
  /** The node that ran the last attempt; absent if the task failed while no node ran it. */
  readonly node?: string
  readonly error: TaskError
  /** The run's partial result when its budget ran out. */
  readonly result?: Json
  readonly placed?: Placed
}
/** Terminal: the user cancelled it. */
export interface Cancelled extends At {
  readonly type: 'cancelled'
  readonly reason: string
  /** The attempt that ran, and its node; absent if no node ran the task, and in events of earlier releases. */
  readonly attempt?: number
  readonly node?: string
}
/** Every type an event can have. */
export const TASK_EVENT_TYPES = [
  'submitted',
  'attempt-started',
  'call-finished',
  'attempt-failed',
  'released',
  'paused',
  'resumed',
  'spawned',
  'completed',
  'failed',
  'cancelled',
] as const satisfies readonly TaskEvent['type'][]
/** One entry of a task's log. */
export type TaskEvent =
  | Submitted
  | AttemptStarted
  | CallFinished
  | AttemptFailed
  | Released
  | Paused
  | Resumed
  | Spawned
  | Completed
  | Failed
  | Cancelled

/** Whether an event ends its task. */
export function isTerminalEvent(event: TaskEvent): event is Completed | Failed | Cancelled {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'cancelled'
}
