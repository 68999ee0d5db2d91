import {
  transition,
  type JournaledCall,
  type Level,
  type ParentRef,
  type Submitted,
  type TaskRecord,
  type TaskSpec,
} from '@agentfleet/domain'
import {
  freshPointer,
  LOG_ADMISSION_SHARE,
  reissuedPointer,
  type Pointer,
} from '@agentfleet/protocol'
import type { TaskLog } from './task-log.ts'

/**
 * The one path from a task to `submitted` in the log: for the API, for children and for ticks of
 * schedules.
 *
 * Invariants:
 * - L1: `accepted` only after the log has stored it, behind nothing (expected sequence 0); an id that
 *   follows from a key always leads to the same task.
 * - L7: nothing is submitted while the log is nearly full, so that endings always find room.
 * - L8: the pointer is passed on after the append, without waiting; the follower repairs a lost one.
 */
export interface TaskSubmitter {
  submit(submission: TaskSubmission): Promise<TaskSubmitOutcome>
}

/** A task to be stored. */
export interface TaskSubmission {
  readonly taskId: string
  readonly tenant: string
  readonly spec: TaskSpec
  readonly atMs: number
  /** Whether the id follows from a key, a parent or a tick, so that another process may store it too. */
  readonly keyed: boolean
  /** Fingerprint of what was asked for: another body under the same key is never a duplicate. */
  readonly specHash?: string
  readonly parent?: ParentRef
  /** Oldest log sequence that its dependencies may stand at. */
  readonly neededFrom?: number
  /** Calls of an ended task that this one goes on behind. */
  readonly journal?: readonly JournaledCall[]
  readonly deadlineMs: number
}

/** What became of a submission. */
export type TaskSubmitOutcome =
  | { readonly kind: 'accepted'; readonly record: TaskRecord }
  /** A task is stored under this id: stored by another process, or by an earlier try. */
  | { readonly kind: 'existing' }
  /** The log has no room for new tasks. */
  | { readonly kind: 'full' }
  /** Not known to be stored, not known not to be. */
  | { readonly kind: 'unknown' }

/** Whether the log has room for new tasks, as of the last look. */
export interface LogFill {
  /** Looks how full the log is; the share that is used. Throws `bus-unavailable`. */
  look(): Promise<number>
  /** True from LOG_ADMISSION_SHARE on. */
  full(): boolean
}

/** How often the fill of the log is looked at: at 10,000 tasks of 10 kB a second a log of 10 GB fills by 1% a second, milliseconds. */
export const LOG_FILL_EVERY_MS = 1_000

/** The fill of this log; it has room until the first look. */
export function createLogFill(taskLog: Pick<TaskLog, 'fill'>): LogFill {
  let full = false
  return {
    full: () => full,
    async look() {
      const { bytes, maxBytes } = await taskLog.fill()
      // Without a limit of its own the stream is bounded by the server's, which answers `full`.
      const share = maxBytes > 0 ? bytes / maxBytes : 0
      full = share >= LOG_ADMISSION_SHARE
      return share
    },
  }
}

/** Submits to this log while the log is not full; `pass` hands on the pointer of a task that may run. */
export function createTaskSubmitter(deps: {
  readonly taskLog: Pick<TaskLog, 'append'>
  readonly logFill: Pick<LogFill, 'full'>
  readonly pass: (pointer: Pointer, priority: Level) => void
}): TaskSubmitter {
  const { taskLog, logFill, pass } = deps
  return {
    async submit(submission) {
      if (logFill.full()) return { kind: 'full' }
      const { taskId, keyed, deadlineMs } = submission
      const event = submittedOf(submission)
      const outcome = await taskLog.append(taskId, event, {
        expectSeq: 0,
        messageId: `${taskId}.${event.specHash}`,
        deadlineMs,
      })
      if (outcome.kind === 'full' || outcome.kind === 'unknown') return outcome
      if (outcome.kind === 'conflict' || (keyed && outcome.duplicate)) return { kind: 'existing' }
      const folded = transition(taskId, undefined, event, outcome.seq)
      if (folded.kind !== 'applied') throw new Error('a submission begins a history')
      const { record } = folded
      // A task that waits gets its pointer when its wait ends.
      if (record.state === 'queued') pass(firstPointer(record), record.spec.priority)
      return { kind: 'accepted', record }
    },
  }
}

function submittedOf(submission: TaskSubmission): Submitted {
  const { atMs, tenant, spec, specHash = '', parent, neededFrom, journal } = submission
  return {
    type: 'submitted',
    atMs,
    tenant,
    spec,
    specHash,
    ...(parent === undefined ? {} : { parent }),
    ...(neededFrom === undefined ? {} : { neededFrom }),
    ...(journal === undefined ? {} : { journal }),
  }
}

/** Calls that are paid for already come with a fenced start. */
function firstPointer(record: TaskRecord): Pointer {
  return record.calls.length > 0 ? reissuedPointer(record) : freshPointer(record)
}
