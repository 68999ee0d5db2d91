import { costOf } from '../placement/fair-share.ts'
import type { Budget, Json } from './values.ts'
import type { JournaledCall, Placed, TaskError, TaskSpec, TaskState } from './spec.ts'
import type { Usage } from '../llm/price.ts'
import { keptMetadata } from '../listing/metadata.ts'
import { dueAtMs, type Approval, type ChildRef, type ParentRef, type Waiting } from './wait.ts'

/** A task as its events so far describe it. */
export interface TaskRecord {
  readonly taskId: string
  readonly tenant: string
  readonly spec: TaskSpec
  readonly specHash: string
  readonly state: TaskState
  /** Log sequence of the last event folded in: the fencing token of the task's run (L3). */
  readonly seq: number
  readonly submittedSeq: number
  readonly submittedAtMs: number
  /**
   * When `submitted` was stored, by the log's clock; present when the submitter's clock differed
   * by more than SKEW_TOLERATED_MS.
   */
  readonly storedAtMs?: number
  readonly updatedAtMs: number
  /**
   * The attempt now entitled to run, from 1; the first attempt writes no start event. 0 while the task has
   * waited since its submission: then every attempt begins with an event.
   */
  readonly attempt: number
  /** Attempts that reported a failure (lost attempts do not count). */
  readonly failures: number
  /** Attempts that ended in a pause. */
  readonly pauses: number
  /** Why the task waits; present in state `waiting` only. */
  readonly waitingFor?: Waiting
  /** Every answer to a step that asked for approval. */
  readonly approvals: readonly Approval[]
  readonly children: readonly ChildRef[]
  readonly parent?: ParentRef
  /** The part of its budget that its children may use; it may no longer use it itself. */
  readonly granted?: Budget
  /** Oldest log sequence at which its dependencies may be stored. */
  readonly neededFrom?: number
  readonly node?: string
  /** The last placement that an event named. */
  readonly placed?: Placed
  readonly retryAtMs?: number
  /** The texts of the spec are not here: only the log has them. `cost` is the estimate for the whole spec. */
  readonly omitted?: { readonly cost: number; readonly goal?: true }
  readonly calls: readonly JournaledCall[]
  readonly usage: Usage
  readonly result?: Json
  readonly error?: TaskError
}

/** Whether this state is final. */
export function isTerminal(state: TaskState): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled'
}

/**
 * Whether a run may exist of which the log shows nothing: a first attempt that started without a coordinator reports
 * nothing before its first call. Every other attempt begins with an event.
 */
export function mayRunUnseen({ state, attempt, pauses, calls }: TaskRecord): boolean {
  return state === 'queued' && attempt === 1 && pauses === 0 && calls.length === 0
}

/** Synchronised clocks of two machines differ by less, milliseconds. */
export const SKEW_TOLERATED_MS = 1_000

/** Time from which the time of a task counts, by the clock of the log if the two differ. */
export function startOf({ storedAtMs, submittedAtMs }: TaskRecord): number {
  return storedAtMs ?? submittedAtMs
}

/** Epoch time after which the task fails for lack of time; a delay does not count. */
export function deadlineAtMs(record: TaskRecord): number {
  return dueAtMs(record.spec, startOf(record)) + record.spec.timeoutMs
}

/** The event of a submission up to this size is kept whole; a pointer carries a spec of this size, bytes. */
export const SPEC_KEPT_MAX_BYTES = 8 * 1024
/** Characters of a task's text that are kept for listings: one line on a screen. */
export const PREVIEW_CHARS = 160
/** Few people answer more steps of one task; each answer may carry a note of some kilobytes. */
const APPROVALS_KEPT_MAX = 4

/**
 * The facts of a task: a record without the texts that only a run needs; the log still has them. A coordinator
 * has many thousands of unfinished tasks in memory, so the texts of large tasks stay in the log (L7).
 */
export function factsOf(record: TaskRecord): TaskRecord {
  if (record.omitted !== undefined) return record
  const {
    systemPrompt: _prompt,
    context: _context,
    responseSchema: _schema,
    goal,
    metadata: _metadata,
    tools: _tools,
    ...rest
  } = record.spec
  // Lists are filtered by them.
  const metadata = keptMetadata(record.spec)
  const spec = { ...rest, ...(metadata === undefined ? {} : { metadata }) }
  const task = copyOf(spec.task.slice(0, PREVIEW_CHARS))
  return {
    ...record,
    spec: { ...spec, task },
    omitted: { cost: costOf(record.spec), ...(goal === undefined ? {} : { goal: true }) },
  }
}

/**
 * Leaves out the large parts of a record: the arguments of a call that waits for approval, and the decisions
 * if there are many.
 */
export function withoutLargeWaits(record: TaskRecord, eventBytes: number): TaskRecord {
  const { waitingFor, approvals } = record
  const large = waitingFor?.kind === 'approval' && eventBytes > SPEC_KEPT_MAX_BYTES
  const many = approvals.length > APPROVALS_KEPT_MAX
  if (!large && !many) return record
  return {
    ...factsOf(record),
    ...(large ? { waitingFor: { ...waitingFor, arguments: null } } : {}),
    ...(many ? { approvals: [] } : {}),
  }
}

/** A part of a text keeps the whole text in memory until it is copied. */
function copyOf(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}
