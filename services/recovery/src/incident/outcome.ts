import {
  given,
  fateOf,
  decideOutcome,
  type OutcomeDecision,
  type TaskFate,
} from '@agentfleet/domain'
import { ServiceError, type Incident, type Death } from '@agentfleet/protocol'
import type { PartDeps } from '../deps.ts'
import { isCut, pauseUntil } from '../redistribution/waiting.ts'

/**
 * Watches the outcome of an incident: the tasks that it names, and the number of nodes.
 *
 * Invariants: O1 the watch ends at most OUTCOME_WITHIN_MS after the redistribution, however often
 * replicas hand the death over; O2 a task that no longer waits is not read again.
 */

/** What the watch observes. */
interface Watched {
  readonly death: Death
  readonly incident: Incident
  readonly notesReadable: boolean
  readonly nodesBefore: number | undefined
}

/** Milliseconds between checks; each reads at most a hundred records. */
const LOOK_EVERY_MS = 500

/** Resolves with the outcome; undefined if the watch was stopped so that another process continues. */
export async function watchOutcome(
  deps: PartDeps,
  watched: Watched,
  signal: AbortSignal,
): Promise<NonNullable<Incident['outcome']> | undefined> {
  const { fleet, clock } = deps
  const { death, incident, nodesBefore } = watched
  const sinceMs = incident.redistributedAtMs ?? incident.openedAtMs
  const fates = new Map<string, TaskFate>(incident.taskIds.map((taskId) => [taskId, 'waiting']))
  const untilMs = sinceMs + deps.timing.outcomeWithinMs
  let decision: OutcomeDecision = { kind: 'wait', reason: 'not-looked' }
  // A node in quarantine may be alive, but another node takes its place.
  const uncounted = incident.action?.kind === 'quarantine' ? incident.nodeId : undefined
  let settledAtMs: number | undefined
  let restoredAtMs: number | undefined
  const look = async (): Promise<boolean> => {
    await update(deps, incident, fates, sinceMs)
    const last = clock.nowMs() >= untilMs || isCut(signal, 'closeEarly')
    const nodesNow = fleet.alive(uncounted)
    const count = (fate: TaskFate): number =>
      [...fates.values()].filter((known) => known === fate).length
    const settled = fates.size - count('waiting')
    if (settled === fates.size && settled > 0) settledAtMs ??= clock.nowMs()
    if (nodesBefore !== undefined && (nodesNow ?? 0) >= nodesBefore) restoredAtMs ??= clock.nowMs()
    decision = decideOutcome({
      successor: fleet.successor(death),
      action: incident.action?.kind ?? 'none',
      actionFailed: incident.action?.outcome === 'failed',
      notesReadable: watched.notesReadable,
      tasks: fates.size,
      settled,
      stopped: count('stopped'),
      ...given({ nodesBefore, nodesNow }),
      last,
    })
    return decision.kind !== 'wait'
  }
  await pauseUntil(look, { withinMs: untilMs - clock.nowMs(), everyMs: LOOK_EVERY_MS, signal })
  if (decision.kind === 'wait' && isCut(signal, 'stopped')) return undefined
  if (decision.kind === 'wait') await look()
  const { kind, reason } = decision
  if (kind === 'wait') return undefined
  const atMs = clock.nowMs()
  return {
    kind,
    reason,
    atMs,
    figures: figuresOf(watched, [...fates.values()], {
      atMs,
      settledAtMs,
      restoredAtMs,
      nodes: fleet.alive(uncounted),
      credits: fleet.credits(),
    }),
  }
}

/** Reads the tasks that still wait; if Redis is unavailable, they count as waiting. */
async function update(
  { store, log }: PartDeps,
  { nodeId, taskIds }: Incident,
  fates: Map<string, TaskFate>,
  redistributedAtMs: number,
): Promise<void> {
  const waiting = taskIds.filter((taskId) => fates.get(taskId) === 'waiting')
  if (waiting.length === 0) return
  try {
    const [nodes, records] = await Promise.all([
      store.inflightNode(waiting),
      Promise.all(waiting.map((taskId) => store.load(taskId))),
    ])
    for (const [index, taskId] of waiting.entries()) {
      fates.set(taskId, fateOf(records[index], nodes[index], { nodeId, redistributedAtMs }))
    }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    log.debug({ err: error }, 'Recovery could not read the task records; it tries again')
  }
}

function figuresOf(
  { incident, nodesBefore }: Watched,
  fates: readonly TaskFate[],
  seen: {
    readonly atMs: number
    readonly settledAtMs: number | undefined
    readonly restoredAtMs: number | undefined
    readonly nodes: number | undefined
    readonly credits: number
  },
): Record<string, number> {
  const { detectedAtMs, redistributedAtMs = incident.openedAtMs } = incident
  const count = (fate: TaskFate): number => fates.filter((known) => known === fate).length
  const settled = fates.length - count('waiting')
  const since = (atMs: number | undefined) =>
    atMs === undefined ? undefined : Math.round(atMs - detectedAtMs)
  return {
    silentMs: Math.round(incident.silentMs),
    redistributionMs: Math.round(redistributedAtMs - detectedAtMs),
    tasksWatched: fates.length,
    tasksSettled: settled,
    tasksFinished: count('finished'),
    tasksStopped: count('stopped'),
    freeCredits: seen.credits,
    tookMs: Math.round(seen.atMs - detectedAtMs),
    ...given({
      settledMs: since(seen.settledAtMs),
      nodesBefore,
      nodesAfter: seen.nodes,
      nodesRestoredMs: since(seen.restoredAtMs),
    }),
  }
}
