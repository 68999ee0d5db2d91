import type { Logger, Store, TaskLog } from '@agentfleet/adapters'
import {
  awaitedTasks,
  decideRelease,
  isTerminal,
  transition,
  type Approval,
  type Fate,
  type ReleaseDecision,
  type TaskEvent,
  type TaskRecord,
} from '@agentfleet/domain'
import type { ApproveReply } from '@agentfleet/protocol'
import { createDueTimes } from './due-times.ts'
import { fatesOf } from '../reports/inputs.ts'
import type { TaskTable } from '../follower/task-table.ts'
import type { Issuer } from '../repair/issue.ts'

/**
 * Ends the waits of tasks: looks at a task when something it waits for may have happened, appends the
 * event that ends the wait and issues its pointer.
 *
 * A task is looked at when the follower has read its own last event, an ending that it awaits, or
 * when its time has come; and all of them in a slow sweep (L8). Every coordinator does all of this;
 * compare-and-set lets one of them through (L2). Invariants: nothing is looked at before the table has
 * caught up with the log; a look that found no answer is repeated; at most PARALLEL are under way.
 */
export interface Waits {
  /** Whoever followed an event tells of it. */
  followed(record: TaskRecord): void
  /** An ending was appended just now; the follower is about to read it. */
  ended(taskId: string): void
  /** The table has caught up: everything in it is looked at. */
  begin(): void
  /** Looks at what is due by now. */
  due(): void
  /** Looks at every waiting task. */
  sweep(): void
  approve(request: ApproveRequest): Promise<ApproveReply['kind']>
  /** Tasks that are to be looked at. */
  size(): number
  close(): void
}

/** Somebody's word on a step of a task. */
export interface ApproveRequest {
  readonly taskId: string
  readonly tenant: string
  readonly approval: Approval
}

/** What ending waits needs. */
export interface WaitDeps {
  readonly tasks: TaskTable
  readonly taskLog: TaskLog
  readonly store: Store
  readonly issuer: Issuer
  readonly log: Logger
  readonly nowMs: () => number
}

const PARALLEL = 64
const APPEND_WITHIN_MS = 4_000
const AGAIN_AFTER_MS = 1_000
/** Taken out of the heap in one go. */
const DUE_MAX = 10_000
/** Both sides of a task may move it on meanwhile; nobody does so for long. */
const APPROVE_TRIES = 8

/** Ends waits with these means. */
export function createWaits(deps: WaitDeps): Waits {
  const { tasks, taskLog, log, nowMs } = deps
  const times = createDueTimes()
  // A set: a task that ten endings concern is looked at once.
  const pending = new Set<string>()
  // Ended by our own append, and still open in the table.
  const justEnded = new Set<string>()
  // How awaited tasks ended, for as long as somebody awaits them: a sweep reads nothing again.
  const known = new Map<string, Fate>()
  let running = 0
  let following = false
  let closed = false

  const note = (taskId: string): void => {
    if (!following || closed) return
    pending.add(taskId)
    work()
  }

  const work = (): void => {
    while (running < PARALLEL && pending.size > 0 && !closed) {
      const [taskId = ''] = pending
      pending.delete(taskId)
      running += 1
      void look(taskId)
        .catch((error: unknown) => {
          log.warn({ err: error, taskId }, 'a waiting task not looked at yet')
          setTimeout(note, AGAIN_AFTER_MS, taskId)
        })
        .finally(() => {
          running -= 1
          work()
        })
    }
  }

  const isOpen = (id: string): boolean => tasks.get(id) !== undefined && !justEnded.has(id)

  const look = async (taskId: string): Promise<void> => {
    const record = tasks.get(taskId)
    if (record?.waitingFor === undefined) return
    const awaited = awaitedTasks(record.waitingFor)
    // A child that is not there yet is still to be made; a dependency was there when it was named.
    const absent = record.waitingFor.kind === 'children' ? 'open' : 'gone'
    const asked = awaited.filter((id) => !known.has(id))
    const fates = await fatesOf(deps, asked, isOpen, absent)
    for (const [id, fate] of fates) if (fate !== 'open' && fate !== 'gone') known.set(id, fate)
    for (const id of awaited) fates.set(id, known.get(id) ?? fates.get(id) ?? absent)
    const event = eventOf(record, decideRelease(record, fates, nowMs()), nowMs())
    if (event === undefined) return
    const outcome = await append(record, event)
    if (outcome === undefined) throw new Error('not known to be stored')
  }

  /** The record after the event; `conflict` when it has moved on; undefined when nothing is known. */
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
      for (const taskId of times.takeDue(now, DUE_MAX)) note(taskId)
    },
    sweep,
    async approve({ taskId, tenant, approval }) {
      for (let tries = 0; tries < APPROVE_TRIES; tries += 1) {
        const record = await taskLog.record(taskId)
        if (record === undefined || record.tenant !== tenant) return 'not-found'
        const before = record.approvals.find(({ step }) => step === approval.step)
        if (before !== undefined) {
          return before.approved === approval.approved ? 'resumed' : 'decided-otherwise'
        }
        if (isTerminal(record.state)) return 'finished'
        if (record.waitingFor?.kind !== 'approval') return 'not-waiting'
        if (record.waitingFor.step !== approval.step) return 'other-step'
        const atMs = nowMs()
        const event = { type: 'resumed', atMs, reason: 'approval', approval } as const
        const outcome = await append(record, event)
        if (outcome === undefined) return 'unavailable'
        // After a conflict the next round finds whose word it was.
        if (outcome !== 'conflict') return 'resumed'
      }
      return 'unavailable'
    },
    size: () => pending.size + running,
    close() {
      closed = true
      pending.clear()
    },
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
