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
import type { StreamFill } from './stream-reads.ts'
import type { TaskLog } from './task-log.ts'

/**
 * The one path from a task to `submitted` in the log: for the API, for children and for ticks of schedules.
 *
 * Invariants:
 * - L1: `accepted` only after the log has stored the event as the first of its task (expected sequence 0); an
 *   id derived from a key always leads to the same task.
 * - L7: no task is submitted while the log is nearly full, so that endings always find room.
 * - L8: the pointer is passed on after the append, without waiting; the follower repairs a lost one.
 */
export interface TaskSubmitter {
  submit(submission: TaskSubmission): Promise<TaskSubmitOutcome>
}

/** A task to be stored. */
interface TaskSubmission {
  readonly taskId: string
  readonly tenant: string
  readonly spec: TaskSpec
  readonly atMs: number
  /** Whether the id derives from a key, a parent or a tick, so that another process may store the same task. */
  readonly keyed: boolean
  /** Fingerprint of the submitted body: another body under the same key is never a duplicate. */
  readonly specHash?: string
  readonly parent?: ParentRef
  /** Oldest log sequence at which its dependencies may be stored. */
  readonly neededFrom?: number
  /** Finished calls of an ended task from which this task continues. */
  readonly journal?: readonly JournaledCall[]
  readonly deadlineMs: number
}

/** Outcome of a submission. */
type TaskSubmitOutcome =
  | { readonly kind: 'accepted'; readonly record: TaskRecord }
  /** A task is already stored under this id, by another process or by an earlier attempt to submit. */
  | { readonly kind: 'existing' }
  /** The log has no room for new tasks, or no room for tasks of this tenant. */
  | { readonly kind: 'full' }
  /** Unconfirmed: the task may be stored or not. */
  | { readonly kind: 'unknown' }

/** Whether the log has room for new tasks, as of the last check. */
export interface LogFill {
  /** Checks how full the log is and returns the used share. Throws `bus-unavailable`. */
  look(): Promise<number>
  /** True when the used share is LOG_ADMISSION_SHARE or more. */
  full(): boolean
  /** Whether the server refused the last submission because it has no room, as with a full disk. */
  refuses(): boolean
  /** Records whether the server had room for a submission. */
  note(room: boolean): void
  /** What the last check has found. */
  last(): StreamFill | undefined
}

/**
 * How often the fill of the log is checked: at 10,000 tasks of 10 kB a second a log of 10 GB fills by 1% a
 * second, milliseconds.
 */
export const LOG_FILL_EVERY_MS = 1_000

/** Watches the fill of this log; it has room until the first check. */
export function createLogFill(taskLog: Pick<TaskLog, 'fill'>): LogFill {
  let full = false
  let refuses = false
  let last: StreamFill | undefined
  return {
    full: () => full,
    refuses: () => refuses,
    note(room) {
      refuses = !room
    },
    last: () => last,
    async look() {
      last = await taskLog.fill()
      const { bytes, maxBytes } = last
      // A stream without a limit is bounded by the server's limit; the server then answers `full`.
      const share = maxBytes > 0 ? bytes / maxBytes : 0
      full = share >= LOG_ADMISSION_SHARE
      return share
    },
  }
}

/** Submits to this log while it is not full; `pass` hands on the pointer of a task that may run. */
export function createTaskSubmitter(deps: {
  readonly taskLog: Pick<TaskLog, 'append'>
  readonly logFill: Pick<LogFill, 'full' | 'note'>
  readonly pass: (pointer: Pointer, priority: Level) => void
  /** Whether its tenant may store it; default: yes. */
  readonly admits?: (submission: TaskSubmission) => boolean
}): TaskSubmitter {
  const { taskLog, logFill, pass, admits = () => true } = deps
  return {
    async submit(submission) {
      if (logFill.full()) return { kind: 'full' }
      if (!admits(submission)) return { kind: 'full' }
      const { taskId, keyed, deadlineMs } = submission
      const event = submittedOf(submission)
      const outcome = await taskLog.append(taskId, event, {
        expectSeq: 0,
        messageId: `${taskId}.${event.specHash}`,
        deadlineMs,
      })
      if (outcome.kind !== 'unknown') logFill.note(outcome.kind !== 'full')
      if (outcome.kind === 'full' || outcome.kind === 'unknown') return outcome
      if (outcome.kind === 'conflict' || (keyed && outcome.duplicate)) return { kind: 'existing' }
      const folded = transition(taskId, undefined, event, outcome.seq)
      if (folded.kind !== 'applied') throw new Error('a history begins with a submission')
      const { record } = folded
      // A waiting task gets its pointer when its wait ends.
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

/** A task with finished calls needs a fenced start. */
function firstPointer(record: TaskRecord): Pointer {
  return record.calls.length > 0 ? reissuedPointer(record) : freshPointer(record)
}
