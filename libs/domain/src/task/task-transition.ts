import { assert, unreachable } from '../assert.ts'
import type { Completed, Resumed, Spawned, Submitted, TaskEvent } from './task-event.ts'
import { grantedWith } from './task-children.ts'
import { isTerminal, SKEW_TOLERATED_MS, startOf, type TaskRecord } from './task-record.ts'
import { firstWait, timeWait, type Waiting } from './wait.ts'
import { addUsage, NO_USAGE } from '../llm/price.ts'

/**
 * The life of a task, as its log tells it.
 *
 * The log of a task is a list of events; `transition` folds one more event into the record. Nothing else
 * changes a record. Invariants it keeps (ARCHITECTURE names them L1 to L9):
 * - L2: the first event is `submitted`, the first terminal event is the last event.
 * - L3: attempts only grow; an event of an older attempt is stale, never an error.
 * - A waiting task names its wait, no other task does; an event that ends another wait is stale.
 */

type Transition =
  | { readonly kind: 'applied'; readonly record: TaskRecord }
  | {
      readonly kind: 'stale'
      readonly reason: 'not-submitted' | 'finished' | 'older' | 'seen' | 'not-waiting'
      /** The unchanged record with the new sequence, which the next append has to expect (L2). */
      readonly record?: TaskRecord
    }

/** An event that changes nothing, but is stored in the log. */
function stale(record: TaskRecord, seq: number, reason: 'older' | 'not-waiting'): Transition {
  return { kind: 'stale', reason, record: { ...record, seq } }
}

/**
 * Folds the event stored at `seq` into the record; the only way a record changes. `storedAtMs`: when the log
 * stored it, if known.
 */
export function transition(
  taskId: string,
  record: TaskRecord | undefined,
  event: TaskEvent,
  seq: number,
  storedAtMs?: number,
): Transition {
  if (record === undefined) {
    if (event.type !== 'submitted') return { kind: 'stale', reason: 'not-submitted' }
    return applied(firstRecord(taskId, event, seq, storedAtMs))
  }
  assert(record.taskId === taskId, 'an event belongs to the record it is folded into')
  if (seq <= record.seq) return { kind: 'stale', reason: 'seen' }
  if (isTerminal(record.state)) return { kind: 'stale', reason: 'finished' }
  if (isOfOlderRun(event, record)) {
    return stale(record, seq, 'older')
  }
  const placed = ('placed' in event ? event.placed : undefined) ?? record.placed
  // The first attempt writes no start event: only its placement names its node.
  const node = placed === record.placed ? record.node : placed?.node
  const next = changed(record, { placed, node, seq, updatedAtMs: event.atMs })
  switch (event.type) {
    case 'submitted':
      return { kind: 'stale', reason: 'seen' }
    case 'attempt-started': {
      const { attempt } = event
      if (attempt === record.attempt) return stale(record, seq, 'older')
      return applied(changed(next, { state: 'running', ...SETTLED, attempt, node: event.node }))
    }
    case 'call-finished': {
      const calls = [...record.calls, event.call]
      const usage = addUsage(record.usage, event.call.usage)
      return applied(changed(next, { state: 'running', ...SETTLED, calls, usage }))
    }
    case 'attempt-failed': {
      const failures = record.failures + 1
      const { error, retryAtMs } = event
      const waitingFor = undefined
      return applied(changed(next, { waitingFor, state: 'retrying', failures, error, retryAtMs }))
    }
    case 'released':
      return releasedRecord(record, next, event.atMs)
    case 'paused':
      return applied(waits(changed(next, { pauses: next.pauses + 1 }), event.wait))
    case 'resumed':
      return resumedRecord(record, next, event)
    case 'spawned':
      return applied(spawnedRecord(next, event))
    case 'completed':
      return applied(completedRecord(next, event))
    case 'failed': {
      const { attempt, error, result = next.result } = event
      const ended = { ...SETTLED, attempt, error, result, node: event.node ?? next.node }
      return applied(changed(next, { state: 'failed', ...ended }))
    }
    case 'cancelled': {
      const error = { code: 'cancelled', message: event.reason }
      const ended = { ...SETTLED, error, node: event.node ?? next.node }
      return applied(changed(next, { state: 'cancelled', ...ended }))
    }
    default:
      return unreachable(event)
  }
}

/** Whether a run that a newer attempt has replaced wrote the event; the ends by other writers do not depend on a run. */
function isOfOlderRun(event: TaskEvent, { attempt }: TaskRecord): boolean {
  if (event.type === 'failed' || event.type === 'cancelled') return false
  return 'attempt' in event && event.attempt < attempt
}

function applied(record: TaskRecord): Transition {
  return { kind: 'applied', record }
}

/** A record has these fields only while its task waits or will be retried. */
const SETTLED = { waitingFor: undefined, retryAtMs: undefined }

/**
 * The fields that a record gains later. It has them from the beginning, because a copy that adds a field to a
 * spread gets a separate hidden class in V8 (Node 20): 1 µs, and 600 bytes that only a full collection frees.
 */
const LATER = {
  ...SETTLED,
  placed: undefined,
  node: undefined,
  result: undefined,
  error: undefined,
}

type Changes = { readonly [K in keyof TaskRecord]?: TaskRecord[K] | undefined }

function changed(record: TaskRecord, changes: Changes): TaskRecord {
  return { ...record, ...changes } as TaskRecord
}

function waits(record: TaskRecord, waitingFor: Waiting): TaskRecord {
  return changed(record, { state: 'waiting', waitingFor, retryAtMs: undefined })
}

function firstRecord(
  taskId: string,
  event: Submitted,
  seq: number,
  storedAtMs: number = event.atMs,
): TaskRecord {
  const skewed = Math.abs(storedAtMs - event.atMs) > SKEW_TOLERATED_MS
  const waitingFor = firstWait(event.spec, skewed ? storedAtMs : event.atMs)
  return {
    taskId,
    ...(LATER as object),
    tenant: event.tenant,
    spec: event.spec,
    specHash: event.specHash,
    ...(event.parent === undefined ? {} : { parent: event.parent }),
    ...(event.neededFrom === undefined ? {} : { neededFrom: event.neededFrom }),
    ...(waitingFor === undefined
      ? { state: 'queued', attempt: 1 }
      : { state: 'waiting', attempt: 0, waitingFor }),
    seq,
    submittedSeq: seq,
    submittedAtMs: event.atMs,
    ...(skewed ? { storedAtMs } : {}),
    updatedAtMs: skewed ? storedAtMs : event.atMs,
    failures: 0,
    pauses: 0,
    approvals: [],
    children: [],
    calls: event.journal ?? [],
    usage: NO_USAGE,
  }
}

/** The dependencies have ended: the task may still have to wait for a time. */
function releasedRecord(record: TaskRecord, next: TaskRecord, atMs: number): Transition {
  const { waitingFor } = record
  if (waitingFor?.kind !== 'dependencies' && waitingFor?.kind !== 'time') {
    return stale(record, next.seq, 'not-waiting')
  }
  const left =
    waitingFor.kind === 'dependencies' ? timeWait(record.spec, startOf(record), atMs) : undefined
  return applied(
    left === undefined ? changed(next, { state: 'queued', ...SETTLED }) : waits(next, left),
  )
}

function resumedRecord(
  record: TaskRecord,
  next: TaskRecord,
  { reason, approval }: Resumed,
): Transition {
  if (next.waitingFor?.kind !== reason) return stale(record, next.seq, 'not-waiting')
  const approvals = approval === undefined ? next.approvals : [...next.approvals, approval]
  return applied(changed(next, { state: 'queued', ...SETTLED, approvals }))
}

/** The run that made children is under way, even if it is the first and wrote no start event. */
function spawnedRecord(next: TaskRecord, { step, children: made }: Spawned): TaskRecord {
  const children = [...next.children, ...made.map(({ taskId }) => ({ taskId, step }))]
  const granted = grantedWith(next, made) ?? next.granted
  return changed(next, { state: 'running', ...SETTLED, children, granted })
}

function completedRecord(next: TaskRecord, event: Completed): TaskRecord {
  const { attempt, node, result, usage } = event
  const error = undefined
  return changed(next, { state: 'completed', ...SETTLED, attempt, node, result, usage, error })
}

/**
 * Folds a history (ascending sequences) into the record of the events before it; undefined when there are none and it
 * does not begin with `submitted`.
 */
export function foldHistory(
  taskId: string,
  history: readonly {
    readonly event: TaskEvent
    readonly seq: number
    readonly storedAtMs?: number
  }[],
  before?: TaskRecord,
): TaskRecord | undefined {
  let record = before
  for (const { event, seq, storedAtMs } of history) {
    const outcome = transition(taskId, record, event, seq, storedAtMs)
    record = outcome.record ?? record
  }
  return record
}
