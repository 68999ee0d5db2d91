import { assert, unreachable } from './assert.ts'

/**
 * The life of a task, as its log tells it.
 *
 * The log of a task is a list of events; `transition` folds one more event into the record. Nothing
 * else changes a record. Invariants it keeps (ARCHITECTURE names them L1 to L9):
 * - L2: the first event is `submitted`, the first terminal event is the last event.
 * - L3: attempts only grow; an event of an older attempt is stale, never an error.
 */

/** One scale for needs and urgency. */
export const LEVELS = ['low', 'medium', 'high'] as const
/** A need or an urgency: low, medium or high. */
export type Level = (typeof LEVELS)[number]

/** Every state a task can be in. */
export const TASK_STATES = [
  'queued',
  'running',
  'retrying',
  'completed',
  'failed',
  'cancelled',
] as const
/** The state of a task; the last three are terminal. */
export type TaskState = (typeof TASK_STATES)[number]

/** JSON as it travels in tasks and results. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** Every way in which the node of a task can be chosen. */
export const PLACEMENT_MODES = ['auto', 'advised'] as const
/** Who chooses the node of a task: the policy alone, or the adviser among what the policy allows. */
export type PlacementMode = (typeof PLACEMENT_MODES)[number]

/** What a user asked for, with every default filled in. */
export interface TaskSpec {
  readonly task: string
  readonly systemPrompt?: string
  readonly context?: Json
  /** Role or name of the LLM agent that runs the task. */
  readonly agent: string
  readonly model: string
  readonly cpu: Level
  readonly memory: Level
  readonly priority: Level
  /** Longest lifetime of the task from its submission, in milliseconds. */
  readonly timeoutMs: number
  /** Failures that end the task; lost attempts are bounded apart (`LOST_ATTEMPTS_MAX`). */
  readonly maxAttempts: number
  readonly maxOutputTokens?: number
  readonly metadata?: Readonly<Record<string, string>>
  /** Tasks with the same key of one tenant go to the same node while it has room. */
  readonly affinityKey?: string
  /** `advised`: the adviser picks among the nodes that the filter passed; absent: `auto`. */
  readonly placement?: PlacementMode
}

/** Tokens that a call, or all calls of a task, used. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly llmCalls: number
}

/** Nothing used yet. */
export const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0, llmCalls: 0 }

/** Adds two usages. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    llmCalls: a.llmCalls + b.llmCalls,
  }
}

/** Why an attempt or a task failed. */
export interface TaskError {
  readonly code: string
  readonly message: string
}

/** One finished LLM or tool call of a run, kept so that no later attempt pays for it again. */
export interface JournaledCall {
  /** Position in the run, from 0. */
  readonly step: number
  readonly kind: 'llm' | 'tool'
  readonly name: string
  /** What the call answered, in the worker's own form. */
  readonly output: Json
  readonly usage: Usage
}

/** Why a run went where it went, as the load balancer said it when it handed the task over. */
export interface Placed {
  readonly node: string
  readonly reason: string
  /** The load balancer that chose. */
  readonly balancer: string
  /** Nodes among which it chose. */
  readonly considered: number
  readonly atMs: number
}

interface At {
  readonly atMs: number
}
/** The first event of every task. */
export interface Submitted extends At {
  readonly type: 'submitted'
  readonly tenant: string
  readonly spec: TaskSpec
  /** Tells a repeated submission from another one under the same idempotency key. */
  readonly specHash: string
}
/** A re-issued pointer was accepted; everything older is shut out (L3). */
export interface AttemptStarted extends At {
  readonly type: 'attempt-started'
  readonly attempt: number
  readonly node: string
  readonly placed?: Placed
}
/** A call was paid for; its answer is kept. */
export interface CallFinished extends At {
  readonly type: 'call-finished'
  readonly attempt: number
  readonly call: JournaledCall
  readonly placed?: Placed
}
/** The attempt failed and another one is due at `retryAtMs`. */
export interface AttemptFailed extends At {
  readonly type: 'attempt-failed'
  readonly attempt: number
  readonly error: TaskError
  readonly retryAtMs: number
  readonly placed?: Placed
}
/** Terminal: the result. */
export interface Completed extends At {
  readonly type: 'completed'
  readonly attempt: number
  readonly node: string
  readonly result: Json
  readonly usage: Usage
  readonly placed?: Placed
}
/** Terminal: given up, with the reason. */
export interface Failed extends At {
  readonly type: 'failed'
  readonly attempt: number
  readonly error: TaskError
  readonly placed?: Placed
}
/** Terminal: the user took it back. */
export interface Cancelled extends At {
  readonly type: 'cancelled'
  readonly reason: string
}
/** Every type an event can have. */
export const TASK_EVENT_TYPES = [
  'submitted',
  'attempt-started',
  'call-finished',
  'attempt-failed',
  'completed',
  'failed',
  'cancelled',
] as const satisfies readonly TaskEvent['type'][]
/** One entry of a task's log. */
export type TaskEvent =
  Submitted | AttemptStarted | CallFinished | AttemptFailed | Completed | Failed | Cancelled

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
  readonly updatedAtMs: number
  /** The attempt now entitled to run, from 1; the first runs without an event of its own. */
  readonly attempt: number
  /** Attempts that reported a failure (lost attempts do not count). */
  readonly failures: number
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

/** Whether an event ends its task. */
export function isTerminalEvent(event: TaskEvent): boolean {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'cancelled'
}

/** Epoch instant after which the task fails for lack of time. */
export function deadlineAtMs(record: TaskRecord): number {
  return record.submittedAtMs + record.spec.timeoutMs
}

/** The outcome of folding one event. */
export type Transition =
  | { readonly kind: 'applied'; readonly record: TaskRecord }
  | { readonly kind: 'stale'; readonly reason: 'not-submitted' | 'finished' | 'older' | 'seen' }

/** Folds the event stored at `seq` into the record; the only way a record changes. */
export function transition(
  taskId: string,
  record: TaskRecord | undefined,
  event: TaskEvent,
  seq: number,
): Transition {
  if (record === undefined) {
    if (event.type !== 'submitted') return { kind: 'stale', reason: 'not-submitted' }
    return { kind: 'applied', record: firstRecord(taskId, event, seq) }
  }
  assert(record.taskId === taskId, 'an event belongs to the record it is folded into')
  if (seq <= record.seq) return { kind: 'stale', reason: 'seen' }
  if (isTerminal(record.state)) return { kind: 'stale', reason: 'finished' }
  const placed = 'placed' in event && event.placed !== undefined ? { placed: event.placed } : {}
  const next = { ...record, ...placed, seq, updatedAtMs: event.atMs }
  switch (event.type) {
    case 'submitted':
      return { kind: 'stale', reason: 'seen' }
    case 'attempt-started': {
      if (event.attempt <= record.attempt) return { kind: 'stale', reason: 'older' }
      const { retryAtMs: _due, ...rest } = next
      return {
        kind: 'applied',
        record: { ...rest, state: 'running', attempt: event.attempt, node: event.node },
      }
    }
    case 'call-finished': {
      if (event.attempt < record.attempt) return { kind: 'stale', reason: 'older' }
      const calls = [...record.calls, event.call]
      const usage = addUsage(record.usage, event.call.usage)
      return { kind: 'applied', record: { ...next, state: 'running', calls, usage } }
    }
    case 'attempt-failed': {
      if (event.attempt < record.attempt) return { kind: 'stale', reason: 'older' }
      const failures = record.failures + 1
      const { error, retryAtMs } = event
      return { kind: 'applied', record: { ...next, state: 'retrying', failures, error, retryAtMs } }
    }
    case 'completed':
      if (event.attempt < record.attempt) return { kind: 'stale', reason: 'older' }
      return { kind: 'applied', record: completedRecord(next, event) }
    case 'failed': {
      const { attempt, error } = event
      return { kind: 'applied', record: { ...next, state: 'failed', attempt, error } }
    }
    case 'cancelled': {
      const error = { code: 'cancelled', message: event.reason }
      return { kind: 'applied', record: { ...next, state: 'cancelled', error } }
    }
    default:
      return unreachable(event)
  }
}

function firstRecord(taskId: string, event: Submitted, seq: number): TaskRecord {
  return {
    taskId,
    tenant: event.tenant,
    spec: event.spec,
    specHash: event.specHash,
    state: 'queued',
    seq,
    submittedSeq: seq,
    submittedAtMs: event.atMs,
    updatedAtMs: event.atMs,
    attempt: 1,
    failures: 0,
    calls: [],
    usage: NO_USAGE,
  }
}

function completedRecord(next: TaskRecord, event: Completed): TaskRecord {
  const { error: _lastFailure, retryAtMs: _due, ...rest } = next
  return {
    ...rest,
    state: 'completed',
    attempt: event.attempt,
    node: event.node,
    result: event.result,
    usage: event.usage,
  }
}

/** Folds a whole history (ascending sequences); undefined when it does not begin with `submitted`. */
export function foldHistory(
  taskId: string,
  history: readonly { readonly event: TaskEvent; readonly seq: number }[],
): TaskRecord | undefined {
  let record: TaskRecord | undefined
  for (const { event, seq } of history) {
    const outcome = transition(taskId, record, event, seq)
    if (outcome.kind === 'applied') record = outcome.record
  }
  return record
}
