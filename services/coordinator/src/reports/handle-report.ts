import type { AppendOutcome } from '@agentfleet/adapters'
import {
  decideBegin,
  decideFailure,
  decidePause,
  decideSpawn,
  deadlineAtMs,
  foldHistory,
  isTerminal,
  isTerminalEvent,
  mayRunUnseen,
  ownBudget,
  withBudgetSent,
  type Placed,
  type Spawned,
  type TaskEvent,
  type TaskRecord,
} from '@agentfleet/domain'
import {
  checkClaim,
  childTaskId,
  fitsPointer,
  type Outcome,
  type ReportItem,
} from '@agentfleet/protocol'
import { APPEND_WITHIN_MS } from '../log-limits.ts'
import type { PartDeps } from '../deps.ts'
import { inputsOf } from './inputs.ts'
import type { Supersede } from './supersede.ts'

/** Dependencies for handling a report. */
export interface ReportDeps extends Pick<
  PartDeps,
  'taskLog' | 'store' | 'tasks' | 'claimKey' | 'nowMs' | 'timing'
> {
  readonly logFill: Pick<PartDeps['logFill'], 'full'>
  readonly random: () => number
  /** Creates the children that an event announced. */
  readonly make: (parent: TaskRecord, event: Spawned) => Promise<void>
  readonly supersede: Supersede
}

/** Compare-and-set rounds; two nodes that begin the same task finish within this many. */
const BEGIN_TRIES = 5

/**
 * Handles one report of a run: it appends with the sequence that the node expects (L2, L3), never
 * with a sequence that it has read itself, and returns the outcome to the node (L4).
 */
export async function handleReport(
  deps: ReportDeps,
  nodeId: string,
  given: ReportItem,
): Promise<Outcome> {
  if (!checkClaim(deps.claimKey, given.claim, given.taskId, nodeId)) return { kind: 'refused' }
  const item = placedHere(given, nodeId)
  switch (item.op) {
    case 'begin':
      return begin(deps, nodeId, item)
    case 'own':
      return standing(deps, item.taskId, item.expect)
    case 'fail':
      return fail(deps, nodeId, item)
    case 'pause':
      return pause(deps, nodeId, item)
    case 'spawn':
      return spawn(deps, item)
    case 'call': {
      const { attempt, call } = item
      const atMs = deps.nowMs()
      return append(deps, item, { type: 'call-finished', atMs, attempt, call, ...placedIn(item) })
    }
    case 'complete': {
      const { attempt, result, usage, by, lastCall } = item
      const atMs = deps.nowMs()
      return append(deps, item, {
        type: 'completed',
        atMs,
        attempt,
        node: nodeId,
        result,
        usage,
        ...(by === undefined ? {} : { by }),
        ...(lastCall === undefined ? {} : { lastCall }),
        ...placedIn(item),
      })
    }
  }
}

/** A node does not make the log say that another node runs the task, which would then be told to stop it (L9). */
function placedHere(item: ReportItem, nodeId: string): ReportItem {
  if (item.placed === undefined || item.placed.node === nodeId) return item
  const { placed: _, ...rest } = item
  return rest
}

/** Returns why the run was placed on its node, if the report says so. */
function placedIn({ placed }: ReportItem): { placed?: Placed } {
  return placed === undefined ? {} : { placed }
}

type Item<Op> = Extract<ReportItem, { op: Op }>
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
  // The log is full or the outcome is unknown: the node keeps its lease and reports again.
  if (outcome.kind !== 'conflict') return { kind: 'unavailable' }
  return overtaken(deps, item)
}

/** What another event has made of the run. */
async function overtaken(deps: ReportDeps, { taskId, expect }: Expecting): Promise<Outcome> {
  const now = await standing(deps, taskId, expect)
  // No other event although there should be one: the server is not consistent yet.
  return now.kind === 'committed' ? { kind: 'unavailable' } : now
}

/** Checks whether the run with this token may still continue. */
async function standing(deps: ReportDeps, taskId: string, expect: number): Promise<Outcome> {
  const last = await deps.taskLog.last(taskId)
  if (last === undefined || isTerminalEvent(last.event)) return { kind: 'finished' }
  return last.seq === expect ? { kind: 'committed', seq: expect } : { kind: 'superseded' }
}

async function fail(deps: ReportDeps, nodeId: string, item: Item<'fail'>): Promise<Outcome> {
  const record = await recordAt(deps, item.taskId, item.expect)
  if (record === undefined) return overtaken(deps, item)
  const nowMs = deps.nowMs()
  const decision = decideFailure(record, item, nowMs, deps.random, deps.timing)
  const { attempt, error } = item
  const base = { atMs: nowMs, attempt, node: nodeId, ...placedIn(item) }
  const event: TaskEvent =
    decision.kind === 'retry'
      ? { type: 'attempt-failed', ...base, error, retryAtMs: decision.retryAtMs }
      : {
          type: 'failed',
          ...base,
          error: withBudgetSent(record, decision.error),
          // The partial result of a run whose budget ran out.
          ...(item.result === undefined ? {} : { result: item.result }),
        }
  return append(deps, item, event)
}

/** Pauses the run, which then releases its slot; a repeated report gets the same answer. */
async function pause(deps: ReportDeps, nodeId: string, item: Item<'pause'>): Promise<Outcome> {
  const record = await recordAt(deps, item.taskId, item.expect)
  if (record === undefined) return overtaken(deps, item)
  const decision = decidePause(record, item.wait)
  const { attempt, wait } = item
  const base = { atMs: deps.nowMs(), attempt, ...placedIn(item) }
  const outcome = await append(
    deps,
    item,
    decision.kind === 'pause'
      ? { type: 'paused', ...base, wait }
      : { type: 'failed', ...base, node: nodeId, error: decision.error },
  )
  if (outcome.kind !== 'superseded') return outcome
  // The pause itself may have been stored, and the task resumed, before the answer arrived.
  const history = await deps.taskLog.history(item.taskId)
  return history.some(({ messageId }) => messageId === item.reportId)
    ? { kind: 'not-due' }
    : outcome
}

/** Creates tasks for the run: it first announces them in the run's own log with its token (L3). */
async function spawn(deps: ReportDeps, item: Item<'spawn'>): Promise<Outcome> {
  const { taskId, step, attempt } = item
  const record = await deps.taskLog.record(taskId)
  if (record === undefined || isTerminal(record.state)) return { kind: 'finished' }
  const idOf = (position: number): string => childTaskId(taskId, step, position)
  const nowMs = deps.nowMs()
  const decision = decideSpawn(record, step, item.children, idOf, nowMs)
  if (decision.kind === 'reject') return { kind: 'rejected', error: decision.error }
  if (decision.kind === 'present') {
    // The event may come from an earlier try of this report or from an earlier attempt at this step.
    const last = await deps.taskLog.last(taskId)
    const ours = last?.messageId === item.reportId || last?.seq === item.expect
    return ours ? { kind: 'committed', seq: last.seq } : standing(deps, taskId, item.expect)
  }
  // The announced children need room in the log; the run keeps its lease and reports again.
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

/** Returns the record at this sequence if it is still the last one. */
async function recordAt(
  deps: ReportDeps,
  taskId: string,
  seq: number,
): Promise<TaskRecord | undefined> {
  const known = deps.tasks.get(taskId)
  if (known?.seq === seq) return known
  const record = await deps.taskLog.record(taskId)
  // A repeated report finds its own event after the token; the append then answers `duplicate`.
  return record !== undefined && record.seq >= seq ? record : undefined
}

/** Does a fenced start (L3): the event that starts the next attempt shuts out every older run. */
async function begin(deps: ReportDeps, nodeId: string, item: Item<'begin'>): Promise<Outcome> {
  for (let tries = 0; tries < BEGIN_TRIES; tries += 1) {
    const history = await deps.taskLog.history(item.taskId)
    const record = foldHistory(item.taskId, history)
    const last = history.at(-1)
    // An earlier try of this report was stored, but its answer was lost.
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
      stopOlder(deps, record, nodeId, outcome.seq)
      return begun(deps, { ...record, seq: outcome.seq, attempt: record.attempt + 1 })
    }
    if (outcome.kind !== 'conflict') return { kind: 'unavailable' }
  }
  return { kind: 'unavailable' }
}

/** Stops the older run that another node may have: it may wait for its provider for long before its next report. */
function stopOlder(deps: ReportDeps, record: TaskRecord, newer: string, seq: number): void {
  const { taskId, seq: token, state, node, spec } = record
  const may = state === 'running' ? node !== newer : mayRunUnseen(record) && fitsPointer(spec)
  if (may) deps.supersede({ taskId, nodeId: node, token, seq })
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

/** Fails a task that exceeds one message: later attempts would be as large. */
export async function endTooLarge(
  deps: ReportDeps,
  { taskId }: ReportItem,
  begun: Extract<Outcome, { kind: 'begun' }>,
  bytes: number,
): Promise<Outcome> {
  const { seq, attempt } = begun
  const message =
    `The task, the results of its finished calls and its inputs together take ${bytes} bytes, more than NATS accepts in one message. ` +
    'Split the task, or let its tools and children return less.'
  const error = { code: 'task-too-large', message }
  const outcome = await deps.taskLog.append(
    taskId,
    { type: 'failed', atMs: deps.nowMs(), attempt, error },
    { expectSeq: seq, messageId: `${taskId}.${seq}.${error.code}`, deadlineMs: APPEND_WITHIN_MS },
  )
  return { kind: outcome.kind === 'stored' ? 'finished' : 'unavailable' }
}
