import { suspectTasks } from '@agentfleet/domain'
import type { Incident, Death } from '@agentfleet/protocol'
import type { PartDeps } from '../deps.ts'
import { quarantineEnd, takeAction } from './action.ts'
import { analyse, notesWereReadable, type Conclusion } from './analysis.ts'
import { namedTasks } from './evidence.ts'
import { openRecord, type IncidentRecord } from './record.ts'
import { watchOutcome } from './outcome.ts'
import {
  NOTES_UNREADABLE,
  redistribute,
  type Redistribution,
} from '../redistribution/redistribute.ts'
import { isCut } from '../redistribution/waiting.ts'

/**
 * The incident workflow: opened → redistributed → analysed → acted → outcome.
 *
 * Invariants: C1 nothing that the redistribution does not need comes before it; C2 each stage is recorded
 * before the next one begins, so the replica that gets the death next continues where the record ends.
 */

/** An incident whose tasks have been given back. */
export interface Redistributed {
  readonly record: IncidentRecord
  readonly death: Death
  readonly taskIds: readonly string[]
  readonly notesReadable: boolean
}

/** After this many deliveries of a death, recovery leaves its pointers to their leases. */
const DELIVERIES_MAX = 5

/**
 * Gives back the pointers of the node unless the record says that it was done; returns undefined if
 * the incident is closed.
 */
export async function openAndRedistribute(
  deps: PartDeps,
  death: Death,
  deliveries: number,
): Promise<Redistributed | undefined> {
  const { ops, clock, metrics, recent } = deps
  const opening = { by: deps.instanceId, nowMs: clock.nowMs() }
  const record = await openRecord(ops, death, opening)
  const known = record.current()
  if (known.state === 'closed') return undefined
  if (known.redistributedAtMs !== undefined) {
    const notesReadable = notesWereReadable(known)
    return { record, death, taskIds: known.taskIds, notesReadable }
  }
  const given = await giveBack(deps, record, death, deliveries)
  const redistributedAtMs = given.atMs ?? clock.nowMs()
  const opened = record.current()
  // A previous replica may have given back tasks that it recorded and that no longer have notes.
  const tasks = Math.max(opened.tasks, given.taskIds.length)
  const left = given.taskIds.length - given.redistributed
  if (given.redistributed > 0) {
    metrics.givenBack.inc(given.redistributed)
    metrics.failover.observe(Math.max(0, redistributedAtMs - death.atMs) / 1_000)
  }
  const taskIds = given.taskIds.length >= opened.tasks ? given.taskIds : opened.taskIds
  const redistributed = given.kind === 'given-back' ? tasks - left : 0
  await record.write({
    redistributedAtMs,
    tasks,
    redistributed,
    taskIds: namedTasks(taskIds, recent.deaths()),
  })
  return { record, death, taskIds, notesReadable: given.kind === 'given-back' }
}

async function giveBack(
  deps: PartDeps,
  record: IncidentRecord,
  death: Death,
  deliveries: number,
): Promise<Redistribution> {
  const { recent, clock, log } = deps
  const suspects = new Set(suspectTasks(recent.deaths(), clock.nowMs()))
  const open = async (taskIds: readonly string[]): Promise<void> => {
    const { tasks } = record.current()
    if (tasks > 0) return
    const named = namedTasks(taskIds, recent.deaths())
    await record.write({ tasks: taskIds.length, taskIds: named })
  }
  try {
    return await redistribute(deps, death, suspects, open)
  } catch (error) {
    if (deliveries < DELIVERIES_MAX) throw error
    log.error(
      { err: error, nodeId: death.nodeId },
      'Recovery could not return the pointers of a dead node to their queues; the pointers return when their leases expire',
    )
    return NOTES_UNREADABLE
  }
}

/**
 * Analyses, acts and watches the outcome; returns false if it was stopped before the end. The
 * signal is aborted with one of the reasons of `CUT`.
 */
export async function runWorkflow(
  deps: PartDeps,
  { record, death, taskIds, notesReadable }: Redistributed,
  signal: AbortSignal,
): Promise<boolean> {
  const { metrics, log, clock } = deps
  const left = record.current().action
  let conclusion: Conclusion | undefined
  if (left === undefined) {
    conclusion = await analyse(deps, record, death, { taskIds, notesReadable }, signal)
  }
  if (left === undefined || left.outcome === 'under-way') {
    // If recovery crashed during an action, the record of the incident has the plan.
    const plan = conclusion?.plan ?? { kind: 'none' as const, reason: 'left-under-way' }
    await takeAction(deps, record, death, plan, signal)
  }
  const { action } = record.current()
  if (isCut(signal, 'stopped') && action?.outcome === 'under-way') return false
  if (conclusion !== undefined && action !== undefined) await decided(deps, conclusion, action)
  const outcome = await watchOutcome(
    deps,
    { death, incident: record.current(), notesReadable, nodesBefore: conclusion?.nodesBefore },
    signal,
  )
  if (outcome === undefined) return false
  const { analysis } = record.current()
  // Mode `shadow` did not wait for the advice; it has arrived by now.
  const advice = await conclusion?.advice
  await record.write({
    state: 'closed',
    ...(analysis === undefined || advice === undefined
      ? {}
      : { analysis: { ...analysis, advice } }),
    outcome,
  })
  metrics.outcomes.inc({ kind: outcome.kind })
  metrics.recovered.observe({ kind: outcome.kind }, Math.max(0, clock.nowMs() - death.atMs) / 1_000)
  log.warn({ incident: record.current() }, 'Recovery closed an incident')
  return true
}

/** Counts and records the decision and what was done. */
async function decided(
  { recorder, recent, metrics, orchestrator }: PartDeps,
  { decision }: Conclusion,
  action: NonNullable<Incident['action']>,
): Promise<void> {
  // This action counts from now on, for the next incident and for quarantines.
  await recent.catchUp()
  metrics.incidents.inc({ action: action.kind })
  if (quarantineEnd(action) !== undefined) metrics.quarantines.inc()
  const done = { acted: action.outcome === 'done', driver: orchestrator.driver }
  // The incident has the same content; a failed record costs only the later outcomes.
  await recorder.record({ ...decision, ...done, kind: action.kind, reason: action.reason })
}
