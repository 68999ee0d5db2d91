import { QUARANTINE_MS, type FailureAction } from '@agentfleet/domain'
import type { Orchestrator } from '@agentfleet/orchestrator'
import { ServiceError, type Incident, type Death } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { Fleet } from '../fleet.ts'
import type { IncidentRecord } from './record.ts'
import type { Quarantine } from '../redistribution/quarantine.ts'
import { pauseUntil } from '../redistribution/waiting.ts'

/**
 * What is done about the process of a dead node.
 *
 * Invariants: A1 an action is recorded as under way before it is begun, so a successor of this process
 * repeats it (every one of them may be repeated) instead of adding one; A2 every call has a deadline, a
 * failed one leaves the count of nodes to the autoscaler.
 */
export interface ActionDeps {
  readonly orchestrator: Orchestrator
  readonly quarantine: Quarantine
  readonly fleet: Fleet
  readonly clock: Clock
  readonly log: Logger
}

/** What is to be done. */
export interface Plan {
  readonly kind: FailureAction | 'quarantine'
  readonly reason: string
}

type Taken = NonNullable<Incident['action']>

/** An orchestrator that restarts in place does it within this, first backoff of 10 s included, milliseconds. */
const RESTART_WITHIN_MS = 20_000
const LOOK_EVERY_MS = 250

/** Carries the plan out and records it; goes on with an action that was left under way. */
export async function takeAction(
  deps: ActionDeps,
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
  deps: ActionDeps,
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
    deps.log.error({ err: error, nodeId: death.nodeId }, 'the orchestrator did not act')
    return { ...taken, outcome: 'failed' }
  }
}

/** The orchestrator restarts by itself; when it does not, the process is replaced. */
async function awaitRestart(
  { fleet, orchestrator, clock }: ActionDeps,
  taken: Taken,
  death: Death,
  signal: AbortSignal,
): Promise<Taken> {
  const back = (): boolean => fleet.successor(death) !== 'none'
  const leftMs = taken.startedAtMs + RESTART_WITHIN_MS - clock.nowMs()
  await pauseUntil(back, { withinMs: leftMs, everyMs: LOOK_EVERY_MS, signal })
  if (back()) return { ...taken, outcome: 'done' }
  // Stopped early: whoever gets the death next waits on.
  if (signal.aborted) return taken
  const answer = await orchestrator.replace(death.nodeId)
  const outcome = answer === 'ordered' ? 'done' : 'not-needed'
  return { ...taken, kind: 'replace', reason: 'not-restarted', outcome }
}

/** No load balancer uses a node that drains; its place is taken by another one. */
async function shutOut(
  { fleet, orchestrator, quarantine }: ActionDeps,
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

/** Until when a quarantine lasts; undefined for any other action. */
export function quarantineEnd(action: Incident['action']): number | undefined {
  return action?.kind === 'quarantine' ? action.startedAtMs + QUARANTINE_MS : undefined
}
