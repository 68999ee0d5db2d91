import {
  decideRelease,
  transition,
  type Fate,
  type ReleaseDecision,
  type TaskEvent,
  type TaskRecord,
} from '@agentfleet/domain'
import { APPEND_WITHIN_MS } from '../log-limits.ts'
import type { PartDeps } from '../deps.ts'

/** What ending a wait needs. */
export type WaitEndDeps = Pick<PartDeps, 'taskLog' | 'issuer' | 'nowMs'>

/** Ends the wait of a task if what it waits for has happened; throws if the outcome is unknown. */
export async function endIfDue(
  deps: WaitEndDeps,
  record: TaskRecord,
  fates: ReadonlyMap<string, Fate>,
): Promise<void> {
  const event = eventOf(record, decideRelease(record, fates, deps.nowMs()), deps.nowMs())
  if (event === undefined) return
  const outcome = await appendEnd(deps, record, event)
  if (outcome === undefined) throw new Error('It is unknown whether NATS has stored the event')
}

/**
 * Appends the event that ends a wait, issues the pointer, and returns the record after it; `conflict` if the task
 * has moved on; undefined if the outcome is unknown.
 */
export async function appendEnd(
  { taskLog, issuer }: WaitEndDeps,
  record: TaskRecord,
  event: TaskEvent,
): Promise<TaskRecord | 'conflict' | undefined> {
  const { taskId, seq } = record
  const outcome = await taskLog.append(taskId, event, {
    expectSeq: seq,
    messageId: `${taskId}.${seq}.${event.type}${decisionIn(event)}`,
    deadlineMs: APPEND_WITHIN_MS,
  })
  if (outcome.kind === 'conflict') return 'conflict'
  if (outcome.kind !== 'stored') return undefined
  const next = transition(taskId, record, event, outcome.seq)
  if (next.kind !== 'applied') return 'conflict'
  if (next.record.state === 'queued') void issuer.surely(next.record)
  return next.record
}

/** The log stores one of two events with one id and reports both as stored: opposite decisions need different ids. */
function decisionIn(event: TaskEvent): string {
  if (event.type !== 'resumed' || event.approval === undefined) return ''
  return event.approval.approved ? '.approved' : '.refused'
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
