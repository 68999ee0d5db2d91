/** The policy of the autoscaler itself, with the inputs that its service gives it. */
import {
  decideScale,
  NO_LEARNED_STATE,
  outlook,
  rememberScaling,
  SCALE_LIMITS,
} from '@agentfleet/domain'
import type { FleetOptions, Scaler } from './world.ts'

const PERIOD_MS = 1_000

/** AgentFleet's own rule. */
export function ourPolicy(options: FleetOptions): Scaler {
  const limits = {
    ...SCALE_LIMITS,
    nodesMin: options.nodesMin,
    nodesMax: options.nodesMax,
    waitTargetMs: options.waitTargetS * 1_000,
    startupMs: options.startupS * 1_000,
  }
  let learned = NO_LEARNED_STATE
  let scaledOutAtMs = -Infinity
  let scaledInAtMs = -Infinity
  return {
    name: 'AgentFleet',
    periodMs: PERIOD_MS,
    decide({ nowMs, ready, starting, draining, running, queued, arrived }) {
      const nodes = ready + starting
      const sample = { atMs: nowMs, nodes, running, queued, arrived }
      learned = rememberScaling(learned, sample, options.slots, limits)
      const decision = decideScale(
        {
          nodes,
          draining,
          missing: 0,
          slotsPerNode: options.slots,
          running,
          queued,
          complete: true,
          scaledOutAtMs,
          scaledInAtMs,
          outlook: outlook(learned, limits, nowMs),
        },
        limits,
        nowMs,
      )
      if (decision.kind === 'scale-out') scaledOutAtMs = nowMs
      if (decision.kind === 'scale-in') scaledInAtMs = nowMs
      return decision.nodes
    },
  }
}
