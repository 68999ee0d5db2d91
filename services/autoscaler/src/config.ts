import { DAY_MS, NODES_MAX, SCALE_LIMITS } from '@agentfleet/domain'
import { orchestratorEnv, orchestratorProblems } from '@agentfleet/orchestrator'
import {
  adviserEnv,
  baseEnv,
  consulEnv,
  decimal,
  integer,
  natsEnv,
  withRules,
} from '@agentfleet/runtime'
import { z } from 'zod'

const variables = z.object({
  ...baseEnv('autoscaler'),
  ...natsEnv,
  ...consulEnv,
  ...adviserEnv,
  ...orchestratorEnv,
  SCALE_MIN: integer({ min: 0, max: NODES_MAX, default: SCALE_LIMITS.nodesMin }),
  SCALE_MAX: integer({ min: 1, max: NODES_MAX, default: SCALE_LIMITS.nodesMax }),
  SCALE_TARGET: decimal({ min: 0.1, max: 1, default: SCALE_LIMITS.utilisationTarget }),
  SCALE_COOLDOWN_MS: integer({ min: 0, max: DAY_MS }).optional(),
  /**
   * Demand must stay lower for this long plus four service times before a node goes, because
   * draining and starting cost more.
   */
  SCALE_DOWN_WINDOW_MS: integer({ min: 0, max: DAY_MS }).optional(),
  SCALE_DOWN_EVERY_MS: integer({ min: 0, max: DAY_MS }).optional(),
  /**
   * Milliseconds from the request for a node until it serves; longer if the cluster must first add a machine.
   */
  SCALE_STARTUP_MS: integer({ min: 0, max: DAY_MS, default: SCALE_LIMITS.startupMs }),
  /** Milliseconds that a task may wait for its start. */
  SCALE_WAIT_TARGET_MS: integer({ min: 100, max: DAY_MS, default: SCALE_LIMITS.waitTargetMs }),
  /** Milliseconds between decisions; a shorter interval serves a jump in demand earlier. */
  SCALE_INTERVAL_MS: integer({ min: 100, max: 60_000, default: 1_000 }),
})

/** The environment variables of the autoscaler. */
export const schema = withRules(
  variables,
  orchestratorProblems,
  ({ SCALE_MIN: min = 0, SCALE_MAX: max = Infinity }) =>
    min > max
      ? [`SCALE_MIN: is ${min}, above SCALE_MAX (${max}); lower it, or raise SCALE_MAX`]
      : [],
)

/** The parsed configuration of the autoscaler. */
export type AutoscalerConfig = Readonly<z.infer<typeof schema>>
