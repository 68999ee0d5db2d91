import type { Logger, Store, TaskLog } from '@agentfleet/adapters'
import {
  type Approval,
  awaitedTasks,
  decideRelease,
  type Fate,
  isTerminal,
  mayApprove,
  type ReleaseDecision,
  type TaskEvent,
  type TaskRecord,
  transition,
} from '@agentfleet/domain'
import type { ApproveReply } from '@agentfleet/protocol'
import { APPEND_WITHIN_MS } from '../log-limits.ts'
import { createDueTimes } from './due-times.ts'
import { createInTurn } from './in-turn.ts'
import { fateOf, fatesOf } from '../reports/inputs.ts'
import type { TaskTable } from '../follower/task-table.ts'
import type { Issuer } from '../repair/issue.ts'

/**
 * Ends the waits of tasks: it examines a task when something that the task waits for may have happened, appends
 * the event that ends the wait, and issues the pointer.
 *
 * It examines a task after the follower has read the task's last event or an end event that it waits for, at
 * its due time, and in a slow sweep (L8). Every coordinator does this; compare-and-set lets one of them succeed
 * (L2). Invariants: it examines no task before the table has caught up with the log; it repeats an examination
 * that got no answer; at most PARALLEL run at once, and tenants take turns (L7).
 */
export interface Waits {
  /** Handles the record after an event that the follower has read. */
  followed(record: TaskRecord): void
  /** Handles an end event that was just appended and that the follower has not read yet. */
  ended(taskId: string): void
  /** Examines every task in the table; call it when the table has caught up. */
  begin(): void
  /** Examines the tasks that are due now. */
  due(): void
  /** Examines every waiting task. */
  sweep(): void
  approve(request: ApproveRequest): Promise<ApproveReply['kind']>
  close(): void
}

/** A person's decision on a step of a task. */
export interface ApproveRequest {
  readonly taskId: string
  readonly tenant: string
  readonly approval: Approval
}

interface WaitDeps {
  readonly tasks: TaskTable
  readonly taskLog: TaskLog
  readonly store: Store
  readonly issuer: Issuer
  readonly log: Logger
  readonly nowMs: () => number
}

const PARALLEL = 64
const AGAIN_AFTER_MS = 1_000
/** The most entries taken out of the heap at once. */
const DUE_MAX = 10_000
/** Compare-and-set rounds; other writers change a waiting task only a few times. */
const APPROVE_TRIES = 8

/** Creates the waits. */
export function createWaits(deps: WaitDeps): Waits {
  const { tasks, taskLog, log, nowMs } = deps
  const times = createDueTimes(tasks)
  // Tasks whose end event this process appended and that the table still shows as unfinished.
  const justEnded = new Set<string>()
  // How awaited tasks ended, kept while a task waits for them, so that a sweep reads nothing twice.
  const known = new Map<string, Fate>()
  const reading = new Map<string, Promise<Fate | undefined>>()
  let following = false

  // A task that waits for ten ended tasks is examined once.
  const pending = createInTurn<string>(PARALLEL, (taskId) =>
    look(taskId).catch((error: unknown) => {
      log.warn(
        { err: error, taskId },
        'The coordinator could not check a waiting task; it tries again',
      )
      setTimeout(note, AGAIN_AFTER_MS, taskId)
    }),
  )
  const note = (taskId: string): void => {
    const record = tasks.get(taskId)
    if (following && record !== undefined) pending.add(record.tenant, taskId)
  }

  const isOpen = (id: string): boolean => tasks.get(id) !== undefined && !justEnded.has(id)

  /** Reads once how a task ended, however many tasks wait for it. */
  const read = (id: string): Promise<Fate | undefined> => {
    const fate = known.get(id)
    if (fate !== undefined) return Promise.resolve(fate)
    const started =
      reading.get(id) ??
      fateOf(deps, id)
        .then((found) => {
          if (found !== undefined && found !== 'open') known.set(id, found)
          return found
        })
        .finally(() => reading.delete(id))
    reading.set(id, started)
    return started
  }

  const look = async (taskId: string): Promise<void> => {
    const record = tasks.get(taskId)
    if (record?.waitingFor === undefined) return
    const awaited = awaitedTasks(record.waitingFor)
    // A missing child is still to be created; a missing dependency was trimmed, because it existed
    // at submission.
    const absent = record.waitingFor.kind === 'children' ? 'open' : 'gone'
    const asked = awaited.filter((id) => !known.has(id))
    const fates = await fatesOf(read, asked, isOpen, absent)
    for (const id of awaited) fates.set(id, known.get(id) ?? fates.get(id) ?? absent)
    const event = eventOf(record, decideRelease(record, fates, nowMs()), nowMs())
    if (event === undefined) return
    const outcome = await append(record, event)
    if (outcome === undefined) throw new Error('It is unknown whether NATS has stored the event')
  }

  /**
   * Appends the event and returns the record after it; `conflict` if the task has moved on;
   * undefined if the outcome is unknown.
   */
  const append = async (
    record: TaskRecord,
    event: TaskEvent,
  ): Promise<TaskRecord | 'conflict' | undefined> => {
    const { taskId, seq } = record
    const outcome = await taskLog.append(taskId, event, {
      expectSeq: seq,
      messageId: `${taskId}.${seq}.${event.type}`,
      deadlineMs: APPEND_WITHIN_MS,
    })
    if (outcome.kind === 'conflict') return 'conflict'
    if (outcome.kind !== 'stored') return undefined
    const next = transition(taskId, record, event, outcome.seq)
    if (next.kind !== 'applied') return 'conflict'
    if (next.record.state === 'queued') void deps.issuer.surely(next.record)
    return next.record
  }

  const noteRecord = (record: TaskRecord): void => {
    const { waitingFor } = record
    if (waitingFor?.kind === 'time') times.add(record.taskId, waitingFor.untilMs)
    else if (waitingFor?.kind === 'children' || waitingFor?.kind === 'dependencies') {
      if (!waitingFor.taskIds.every((id) => tasks.get(id) !== undefined)) note(record.taskId)
    }
  }

  const sweep = (): void => {
    for (const id of known.keys()) if (!tasks.isAwaited(id)) known.delete(id)
    for (const taskId of tasks.waiting()) note(taskId)
  }

  return {
    followed(record) {
      if (!following) return
      justEnded.delete(record.taskId)
      if (isTerminal(record.state)) for (const id of tasks.waitersOf(record.taskId)) note(id)
      else noteRecord(record)
    },
    ended(taskId) {
      const waiters = [...tasks.waitersOf(taskId)]
      if (waiters.length === 0 || tasks.get(taskId) === undefined) return
      justEnded.add(taskId)
      for (const id of waiters) note(id)
    },
    begin() {
      following = true
      for (const taskId of tasks.waiting()) noteRecord(tasks.get(taskId)!)
    },
    due() {
      const now = nowMs()
      for (const { taskId } of times.takeDue(now, DUE_MAX)) note(taskId)
    },
    sweep,
    async approve({ taskId, tenant, approval }) {
      for (let tries = 0; tries < APPROVE_TRIES; tries += 1) {
        const record = await taskLog.record(taskId)
        if (record === undefined || record.tenant !== tenant) return 'not-found'
        if (!mayApprove(record.spec, approval.by)) return 'own-key'
        const before = record.approvals.find(({ step }) => step === approval.step)
        if (before !== undefined) {
          return before.approved === approval.approved ? 'resumed' : 'decided-otherwise'
        }
        if (isTerminal(record.state)) return 'finished'
        if (record.waitingFor?.kind !== 'approval') return 'not-waiting'
        if (record.waitingFor.step !== approval.step) return 'other-step'
        const atMs = nowMs()
        const stored = { ...approval, atMs }
        const event = { type: 'resumed', atMs, reason: 'approval', approval: stored } as const
        const outcome = await append(record, event)
        if (outcome === undefined) return 'unavailable'
        // After a conflict the next round reads which decision is stored.
        if (outcome !== 'conflict') return 'resumed'
      }
      return 'unavailable'
    },
    close: pending.close,
  }
}

function eventOf(
  record: TaskRecord,
  decision: ReleaseDecision,
  atMs: number,
): TaskEvent | undefined {
  switch (decision.kind) {
    case 'wait':
      return undefined
    case 'release':
      return { type: 'released', atMs, reason: decision.reason }
    case 'resume':
      return { type: 'resumed', atMs, reason: decision.reason }
    case 'fail':
      return { type: 'failed', atMs, attempt: record.attempt, error: decision.error }
  }
}
