import type { Usage } from '../llm/price.ts'
import type { Level, TaskError, TaskSpec, TaskState } from '../task/spec.ts'
import { isTerminal, PREVIEW_CHARS, type TaskRecord } from '../task/task-record.ts'
import type { Waiting } from '../task/wait.ts'

/** Which tasks a list shows, a count counts, or a bulk operation changes. */

/** Every kind that a task can have. */
export const TASK_KINDS = ['task', 'goal', 'child'] as const
/** Submitted as a task, submitted as a goal, or made by another task. */
export type TaskKind = (typeof TASK_KINDS)[number]

/** Conditions that a task must all meet; an absent one admits every task. */
export interface TaskFilter {
  /** The states as clients see them: a queued task that a node has is `running`. */
  readonly states?: readonly TaskState[]
  readonly agent?: string
  readonly model?: string
  readonly priority?: Level
  readonly node?: string
  /** The code of the last error; without `states` only failed tasks have one that counts. */
  readonly errorCode?: string
  readonly waitingKind?: Waiting['kind']
  readonly kind?: TaskKind
  readonly parentId?: string
  readonly replayOf?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** The beginning of the id, or words at the beginning of the task's text. */
  readonly text?: string
  readonly createdFromMs?: number
  readonly createdBeforeMs?: number
  readonly endedFromMs?: number
  readonly endedBeforeMs?: number
}

/** A task as lists show it, with the beginning of its text. */
export interface TaskPreview extends Pick<
  TaskRecord,
  'taskId' | 'state' | 'seq' | 'submittedAtMs' | 'updatedAtMs' | 'attempt' | 'failures'
> {
  readonly spec: Pick<TaskSpec, 'task' | 'agent' | 'model' | 'priority'>
  readonly kind: TaskKind
  readonly usage: Usage
  readonly metadata?: Readonly<Record<string, string>>
  readonly parentId?: string
  readonly replayOf?: string
  readonly waitingFor?: Waiting
  readonly node?: string
  readonly error?: TaskError
  /** When the load balancer placed the last attempt, if an event of the attempt has said so. */
  readonly startedAtMs?: number
}

/** The part of a record that lists show. */
export function previewOf(record: TaskRecord): TaskPreview {
  const { taskId, state, seq, submittedAtMs, updatedAtMs, attempt, failures, usage } = record
  const { spec, parent, placed, waitingFor, node, error } = record
  const { agent, model, priority, metadata, replayOf } = spec
  return {
    taskId,
    state,
    seq,
    submittedAtMs,
    updatedAtMs,
    attempt,
    failures,
    usage,
    spec: { task: spec.task.slice(0, PREVIEW_CHARS), agent, model, priority },
    kind: kindOf(record),
    ...(metadata === undefined ? {} : { metadata }),
    ...(parent === undefined ? {} : { parentId: parent.taskId }),
    ...(replayOf === undefined ? {} : { replayOf }),
    ...(waitingFor === undefined ? {} : { waitingFor }),
    ...(node === undefined ? {} : { node }),
    ...(error === undefined ? {} : { error }),
    ...(placed === undefined ? {} : { startedAtMs: placed.atMs }),
  }
}

function kindOf({ spec, parent, omitted }: TaskRecord): TaskKind {
  if (parent !== undefined) return 'child'
  return spec.goal === undefined && omitted?.goal === undefined ? 'task' : 'goal'
}

/** The state that clients see; `noted`: the node that has the queued task, if one is known. */
export function shownState(state: TaskState, noted: string | undefined): TaskState {
  // The first attempt writes no start event (L3).
  return state === 'queued' && noted !== undefined ? 'running' : state
}

/** When the task ended; undefined for an unfinished one. */
export function endedAtMs({
  state,
  updatedAtMs,
}: Pick<TaskRecord, 'state' | 'updatedAtMs'>): number | undefined {
  return isTerminal(state) ? updatedAtMs : undefined
}

/** The states of the tasks that can match the filter; undefined: all of them. */
export function statesOf({ states, errorCode }: TaskFilter): readonly TaskState[] | undefined {
  return states ?? (errorCode === undefined ? undefined : ['failed'])
}

/** Whether the filter needs the record of each task; its state and its time of submission are not enough. */
export function needsTask(filter: TaskFilter): boolean {
  const { states: _states, createdFromMs: _from, createdBeforeMs: _before, ...rest } = filter
  return Object.values(rest).some((condition) => condition !== undefined)
}

/** Whether the task meets every condition; `noted`: the node that has the queued task. */
export function taskMatches(task: TaskPreview, filter: TaskFilter, noted?: string): boolean {
  const states = statesOf(filter)
  return (
    (states === undefined || states.includes(shownState(task.state, noted))) &&
    namesMatch(task, filter, noted) &&
    timesMatch(task, filter) &&
    metadataMatch(task.metadata, filter.metadata) &&
    textMatches(task, filter.text)
  )
}

function namesMatch(task: TaskPreview, filter: TaskFilter, noted: string | undefined): boolean {
  const { spec, kind, parentId, replayOf, waitingFor, error } = task
  const node = task.state === 'queued' && noted !== undefined ? noted : task.node
  const pairs = [
    [filter.agent, spec.agent],
    [filter.model, spec.model],
    [filter.priority, spec.priority],
    [filter.node, node],
    [filter.errorCode, error?.code],
    [filter.waitingKind, waitingFor?.kind],
    [filter.kind, kind],
    [filter.parentId, parentId],
    [filter.replayOf, replayOf],
  ]
  return pairs.every(([wanted, had]) => wanted === undefined || wanted === had)
}

function timesMatch(task: TaskPreview, filter: TaskFilter): boolean {
  const { createdFromMs = 0, createdBeforeMs = Infinity, endedFromMs, endedBeforeMs } = filter
  const { submittedAtMs } = task
  if (submittedAtMs < createdFromMs || submittedAtMs >= createdBeforeMs) return false
  if (endedFromMs === undefined && endedBeforeMs === undefined) return true
  const ended = endedAtMs(task)
  return ended !== undefined && ended >= (endedFromMs ?? 0) && ended < (endedBeforeMs ?? Infinity)
}

function metadataMatch(
  had: TaskPreview['metadata'] = {},
  wanted: TaskFilter['metadata'] = {},
): boolean {
  return Object.entries(wanted).every(
    ([key, value]) => Object.hasOwn(had, key) && had[key] === value,
  )
}

function textMatches({ taskId, spec }: TaskPreview, text: string | undefined): boolean {
  if (text === undefined) return true
  const wanted = text.toLowerCase()
  if (taskId.startsWith(wanted.trim())) return true
  const had = spec.task.slice(0, PREVIEW_CHARS).toLowerCase()
  return wanted.split(/\s+/).every((word) => had.includes(word))
}
