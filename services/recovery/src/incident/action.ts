import { QUARANTINE_MS, type FailureAction } from '@agentfleet/domain'
import { ServiceError, type Incident, type Death } from '@agentfleet/protocol'
import type { PartDeps } from '../deps.ts'
import type { IncidentRecord } from './record.ts'
import { pauseUntil } from '../redistribution/waiting.ts'

/**
 * Carries out the action for the process of a dead node.
 *
 * Invariants: A1 an action is recorded as under way before it begins, so the process that takes
 * over repeats this action instead of adding another action; every action may be repeated. A2 every
 * call has a deadline; after a failed one the autoscaler corrects the number of nodes.
 */

/** The action to carry out. */
export interface Plan {
  readonly kind: FailureAction | 'quarantine'
  readonly reason: string
}

type Taken = NonNullable<Incident['action']>

/** Milliseconds within which an orchestrator restarts a process, its first backoff of 10 s included. */
const RESTART_WITHIN_MS = 20_000
const LOOK_EVERY_MS = 250

/** Carries out the plan and records it; continues an action that was left under way. */
export async function takeAction(
  deps: PartDeps,
  record: IncidentRecord,
  death: Death,
  plan: Plan,
  signal: AbortSignal,
): Promise<void> {
  const { clock, orchestrator } = deps
  const left = record.current().action
  const taken: Taken = left ?? {
    ...plan,
    driver: orchestrator.driver,
    startedAtMs: clock.nowMs(),
    outcome: 'under-way',
  }
  if (taken.kind === 'none' || taken.kind === 'investigate') {
    return record.write({ action: { ...taken, outcome: 'not-needed' } })
  }
  if (left === undefined) await record.write({ action: taken })
  const ended = await carryOut(deps, taken, death, signal)
  if (ended.outcome === 'under-way') return
  await record.write({ action: { ...ended, endedAtMs: clock.nowMs() } })
}

async function carryOut(
  deps: PartDeps,
  taken: Taken,
  death: Death,
  signal: AbortSignal,
): Promise<Taken> {
  try {
    if (taken.kind === 'restart') return await awaitRestart(deps, taken, death, signal)
    if (taken.kind === 'replace') {
      const answer = await deps.orchestrator.replace(death.nodeId)
      return { ...taken, outcome: answer === 'ordered' ? 'done' : 'not-needed' }
    }
    return await shutOut(deps, taken, death)
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    deps.log.error(
      { err: error, nodeId: death.nodeId },
      'The orchestrator did not carry out the action of an incident',
    )
    return { ...taken, outcome: 'failed' }
  }
}

/** Waits until the orchestrator restarts the process; replaces the process if it does not. */
async function awaitRestart(
  { fleet, orchestrator, clock }: PartDeps,
  taken: Taken,
  death: Death,
  signal: AbortSignal,
): Promise<Taken> {
  const back = (): boolean => fleet.successor(death) !== 'none'
  const leftMs = taken.startedAtMs + RESTART_WITHIN_MS - clock.nowMs()
  await pauseUntil(back, { withinMs: leftMs, everyMs: LOOK_EVERY_MS, signal })
  if (back()) return { ...taken, outcome: 'done' }
  // The replica that gets the death next continues to wait.
  if (signal.aborted) return taken
  const answer = await orchestrator.replace(death.nodeId)
  const outcome = answer === 'ordered' ? 'done' : 'not-needed'
  return { ...taken, kind: 'replace', reason: 'not-restarted', outcome }
}

/** Drains the node, so that no load balancer uses it, and has another node take its place. */
async function shutOut(
  { fleet, orchestrator, quarantine }: PartDeps,
  taken: Taken,
  death: Death,
): Promise<Taken> {
  const { nodeId, reason } = death
  const heard = fleet.successor(death) !== 'none'
  if (heard) await quarantine.drain(nodeId)
  const gone = !heard && reason === 'connection-gone'
  if (!orchestrator.acts) return { ...taken, outcome: 'done' }
  if (gone) await orchestrator.replace(nodeId)
  else await orchestrator.retire(nodeId)
  return { ...taken, outcome: 'done' }
}

/** Returns the end of a quarantine; undefined for any other action. */
export function quarantineEnd(action: Incident['action']): number | undefined {
  return action?.kind === 'quarantine' ? action.startedAtMs + QUARANTINE_MS : undefined
}
