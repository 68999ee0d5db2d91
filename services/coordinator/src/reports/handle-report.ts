import type { AppendOutcome, LogFill, Store, TaskLog } from '@agentfleet/adapters'
import {
  decideBegin,
  decideFailure,
  decidePause,
  decideSpawn,
  deadlineAtMs,
  foldHistory,
  isTerminal,
  isTerminalEvent,
  ownBudget,
  type Json,
  type Placed,
  type Spawned,
  type TaskEvent,
  type TaskRecord,
  type Timing,
} from '@agentfleet/domain'
import { checkClaim, childTaskId, type Outcome, type ReportItem } from '@agentfleet/protocol'
import { inputsOf } from './inputs.ts'
import type { TaskTable } from '../follower/task-table.ts'

/**
 * What a coordinator does with one report: it appends on the expectation that the node named (L2,
 * L3), never on a sequence it has read itself, and tells the node what became of it (L4).
 */
export interface ReportDeps {
  readonly taskLog: TaskLog
  readonly store: Store
  readonly tasks: TaskTable
  readonly claimKey: string
  readonly logFill: Pick<LogFill, 'full'>
  readonly nowMs: () => number
  readonly random: () => number
  readonly timing: Pick<Timing, 'scale'>
  /** Makes the children that an event announced. */
  readonly make: (parent: TaskRecord, event: Spawned) => Promise<void>
}

/** Shorter than the worker's own limit for a report, so that it hears of an unknown outcome. */
const APPEND_WITHIN_MS = 4_000
/** Two nodes that begin the same task at once settle it within this many rounds. */
const BEGIN_TRIES = 5

/** Handles one report of a node. */
export async function handleReport(
  deps: ReportDeps,
  nodeId: string,
  item: ReportItem,
): Promise<Outcome> {
  if (!checkClaim(deps.claimKey, item.claim, item.taskId, nodeId)) return { kind: 'refused' }
  switch (item.op) {
    case 'begin':
      return begin(deps, nodeId, item)
    case 'own':
      return standing(deps, item.taskId, item.expect)
    case 'fail':
      return fail(deps, item)
    case 'pause':
      return pause(deps, item)
    case 'spawn':
      return spawn(deps, item)
    case 'call': {
      const { attempt, call } = item
      const atMs = deps.nowMs()
      return append(deps, item, {
        type: 'call-finished',
        atMs,
        attempt,
        call,
        ...placedIn(item),
      })
    }
    case 'complete': {
      const { attempt, result, usage, by } = item
      const atMs = deps.nowMs()
      return append(deps, item, {
        type: 'completed',
        atMs,
        attempt,
        node: nodeId,
        result,
        usage,
        ...(by === undefined ? {} : { by }),
        ...placedIn(item),
      })
    }
  }
}

/** Why the run is where it is, when the report says so. */
function placedIn({ placed }: ReportItem): { placed?: Placed } {
  return placed === undefined ? {} : { placed }
}

/** What the run had come to when its budget ran out. */
function partialIn({ result }: Extract<ReportItem, { op: 'fail' }>): { result?: Json } {
  return result === undefined ? {} : { result }
}

type Expecting = { readonly taskId: string; readonly expect: number; readonly reportId: string }

async function append(deps: ReportDeps, item: Expecting, event: TaskEvent): Promise<Outcome> {
  const outcome = await deps.taskLog.append(item.taskId, event, {
    expectSeq: item.expect,
    messageId: item.reportId,
    deadlineMs: APPEND_WITHIN_MS,
  })
  return settle(deps, item, outcome)
}

async function settle(deps: ReportDeps, item: Expecting, outcome: AppendOutcome): Promise<Outcome> {
  if (outcome.kind === 'stored') return { kind: 'committed', seq: outcome.seq }
  // A full log or an unknown outcome: the node holds its lease and reports the same again.
  if (outcome.kind !== 'conflict') return { kind: 'unavailable' }
  const now = await standing(deps, item.taskId, item.expect)
  // Still expecting the last event after a conflict: the server is not consistent yet, ask again.
  return now.kind === 'committed' ? { kind: 'unavailable' } : now
}

/** Whether a run with this token is still the one entitled to go on. */
async function standing(deps: ReportDeps, taskId: string, expect: number): Promise<Outcome> {
  const last = await deps.taskLog.last(taskId)
  if (last === undefined || isTerminalEvent(last.event)) return { kind: 'finished' }
  return last.seq === expect ? { kind: 'committed', seq: expect } : { kind: 'superseded' }
}

async function fail(deps: ReportDeps, item: Extract<ReportItem, { op: 'fail' }>): Promise<Outcome> {
  const record = await recordAt(deps, item.taskId, item.expect)
  if (record === undefined) {
    const now = await standing(deps, item.taskId, item.expect)
    return now.kind === 'committed' ? { kind: 'unavailable' } : now
  }
  const nowMs = deps.nowMs()
  const decision = decideFailure(record, item, nowMs, deps.random, deps.timing)
  const { attempt, error } = item
  const base = { atMs: nowMs, attempt, ...placedIn(item) }
  const event: TaskEvent =
    decision.kind === 'retry'
      ? { type: 'attempt-failed', ...base, error, retryAtMs: decision.retryAtMs }
      : { type: 'failed', ...base, error: decision.error, ...partialIn(item) }
  return append(deps, item, event)
}

/** The run gives its slot back; the answer to a lost answer is the same whatever happened since. */
async function pause(
  deps: ReportDeps,
  item: Extract<ReportItem, { op: 'pause' }>,
): Promise<Outcome> {
  const record = await recordAt(deps, item.taskId, item.expect)
  if (record === undefined) {
    const now = await standing(deps, item.taskId, item.expect)
    return now.kind === 'committed' ? { kind: 'unavailable' } : now
  }
  const decision = decidePause(record, item.wait)
  const { attempt, wait } = item
  const base = { atMs: deps.nowMs(), attempt, ...placedIn(item) }
  const outcome = await append(
    deps,
    item,
    decision.kind === 'pause'
      ? { type: 'paused', ...base, wait }
      : { type: 'failed', ...base, error: decision.error },
  )
  if (outcome.kind !== 'superseded') return outcome
  // It may be the pause itself that was stored, and the task resumed before the answer came through.
  const history = await deps.taskLog.history(item.taskId)
  return history.some(({ messageId }) => messageId === item.reportId)
    ? { kind: 'not-due' }
    : outcome
}

/** The run makes tasks: announced in its own log first, on its own token (L3), then made. */
async function spawn(
  deps: ReportDeps,
  item: Extract<ReportItem, { op: 'spawn' }>,
): Promise<Outcome> {
  const { taskId, step, attempt } = item
  const record = await deps.taskLog.record(taskId)
  if (record === undefined || isTerminal(record.state)) return { kind: 'finished' }
  const idOf = (position: number): string => childTaskId(taskId, step, position)
  const nowMs = deps.nowMs()
  const decision = decideSpawn(record, step, item.children, idOf, nowMs)
  if (decision.kind === 'reject') return { kind: 'rejected', error: decision.error }
  if (decision.kind === 'present') {
    // An earlier try of this very report, or of an earlier attempt at this step.
    const last = await deps.taskLog.last(taskId)
    const ours = last?.messageId === item.reportId || last?.seq === item.expect
    return ours ? { kind: 'committed', seq: last.seq } : standing(deps, taskId, item.expect)
  }
  // The run holds its lease and asks again: what is announced must find room.
  if (deps.logFill.full()) return { kind: 'unavailable' }
  const children = decision.specs.map((spec, position) => ({ taskId: idOf(position), spec }))
  const event: Spawned = {
    type: 'spawned',
    atMs: nowMs,
    attempt,
    step,
    children,
    ...placedIn(item),
  }
  const outcome = await append(deps, item, event)
  if (outcome.kind === 'committed') await deps.make(record, event)
  return outcome
}

/** The record as it was at this sequence, if that is still the last one. */
async function recordAt(
  deps: ReportDeps,
  taskId: string,
  seq: number,
): Promise<TaskRecord | undefined> {
  const known = deps.tasks.get(taskId)
  if (known?.seq === seq) return known
  const record = await deps.taskLog.record(taskId)
  // A retried report finds its own event behind the token; the append answers `duplicate` to it.
  return record !== undefined && record.seq >= seq ? record : undefined
}

/** A fenced start of L3: the next attempt starts by an event that shuts out everything older. */
async function begin(
  deps: ReportDeps,
  nodeId: string,
  item: Extract<ReportItem, { op: 'begin' }>,
): Promise<Outcome> {
  for (let tries = 0; tries < BEGIN_TRIES; tries += 1) {
    const history = await deps.taskLog.history(item.taskId)
    const record = foldHistory(item.taskId, history)
    const last = history.at(-1)
    // The answer to an earlier try of this very report was lost.
    if (record !== undefined && last?.messageId === item.reportId) {
      return isTerminalEvent(last.event) ? { kind: 'finished' } : begun(deps, record)
    }
    const nowMs = deps.nowMs()
    const decision = decideBegin(record, nowMs)
    if (decision.kind === 'finished' || record === undefined) return { kind: 'finished' }
    if (decision.kind === 'not-due' || decision.kind === 'waiting') return { kind: 'not-due' }
    const base = { atMs: nowMs, ...placedIn(item) }
    const event: TaskEvent =
      decision.kind === 'fail'
        ? { type: 'failed', ...base, attempt: record.attempt, error: decision.error }
        : { type: 'attempt-started', ...base, attempt: decision.attempt, node: nodeId }
    const outcome = await deps.taskLog.append(item.taskId, event, {
      expectSeq: record.seq,
      messageId: item.reportId,
      deadlineMs: APPEND_WITHIN_MS,
    })
    if (outcome.kind === 'stored') {
      if (event.type === 'failed') return { kind: 'finished' }
      return begun(deps, { ...record, seq: outcome.seq, attempt: record.attempt + 1 })
    }
    if (outcome.kind !== 'conflict') return { kind: 'unavailable' }
  }
  return { kind: 'unavailable' }
}

async function begun(deps: ReportDeps, record: TaskRecord): Promise<Outcome> {
  const { approvals, children } = record
  const budget = ownBudget(record)
  const spec = budget === undefined ? record.spec : { ...record.spec, budget }
  const awaits = children.length > 0 || spec.dependsOn !== undefined
  return {
    kind: 'begun',
    seq: record.seq,
    attempt: record.attempt,
    spec,
    calls: [...record.calls],
    ...(approvals.length > 0 ? { approvals: [...approvals] } : {}),
    ...(children.length > 0 ? { children: [...children] } : {}),
    ...(awaits ? { inputs: await inputsOf(deps, record) } : {}),
    deadlineAtMs: deadlineAtMs(record),
  }
}

/** Fails a task that no message can hand to a node: each later attempt would be as large. */
export async function endTooLarge(
  deps: ReportDeps,
  { taskId }: ReportItem,
  begun: Extract<Outcome, { kind: 'begun' }>,
  bytes: number,
): Promise<Outcome> {
  const { seq, attempt } = begun
  const message =
    `Task, journal and inputs take ${bytes} bytes together, more than one message of the bus. ` +
    'Split the task, or let its tools and children return less.'
  const error = { code: 'task-too-large', message }
  const outcome = await deps.taskLog.append(
    taskId,
    { type: 'failed', atMs: deps.nowMs(), attempt, error },
    { expectSeq: seq, messageId: `${taskId}.${seq}.${error.code}`, deadlineMs: APPEND_WITHIN_MS },
  )
  return { kind: outcome.kind === 'stored' ? 'finished' : 'unavailable' }
}
