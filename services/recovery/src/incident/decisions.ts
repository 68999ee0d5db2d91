import type { Ops } from '@agentfleet/adapters'
import {
  OUTCOME_AFTER_MINUTES,
  SUBJECTS,
  type Decision,
  type DecisionOutcome,
} from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { FleetView } from '../fleet-view.ts'
import type { Memory } from './learned.ts'

/**
 * Records decisions, and what the fleet looks like 1, 5 and 15 minutes after each.
 *
 * Invariants: at most PENDING_MAX outcomes are pending, more are left out; those of a process that ends
 * are lost, which costs figures and nothing else.
 */
export interface Decisions {
  record(decision: Decision): Promise<void>
  close(): void
}

const SERVICE = 'recovery'
/** Three for each of a hundred deaths within a quarter of an hour. */
const PENDING_MAX = 300

/** Nothing pending yet. */
export function createDecisions(deps: {
  readonly ops: Ops
  readonly fleet: FleetView
  readonly memory: Memory
  readonly clock: Clock
  readonly log: Logger
}): Decisions {
  const { ops, fleet, memory, clock, log } = deps
  const timers = new Set<NodeJS.Timeout>()

  const measure = async ({ id, about, atMs }: Decision, afterMinutes: number): Promise<void> => {
    await memory.catchUp()
    const later = memory.deaths().filter((death) => death.atMs > atMs)
    const snapshot = fleet.latest()
    const outcome: DecisionOutcome = {
      decisionId: id,
      service: SERVICE,
      afterMinutes,
      atMs: clock.nowMs(),
      figures: {
        deathsSince: later.length,
        deathsOfNodeSince: later.filter(({ nodeId }) => nodeId === about).length,
        freeCredits: fleet.credits(),
        ...(snapshot === undefined
          ? {}
          : {
              nodesAlive: fleet.alive() ?? 0,
              queued: snapshot.queued,
              running: snapshot.running,
            }),
      },
    }
    await ops.record(SUBJECTS.opsOutcome(SERVICE), outcome)
  }

  return {
    async record(decision) {
      await ops.record(SUBJECTS.opsDecision(SERVICE), decision)
      for (const minutes of OUTCOME_AFTER_MINUTES) {
        if (timers.size >= PENDING_MAX) return
        const timer = setTimeout(() => {
          timers.delete(timer)
          measure(decision, minutes).catch((error: unknown) =>
            log.warn({ err: error, decision: decision.id }, 'outcome not recorded'),
          )
        }, minutes * 60_000)
        timer.unref()
        timers.add(timer)
      }
    },
    close() {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
    },
  }
}
