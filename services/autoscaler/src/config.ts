import { SCALE_LIMITS } from '@agentfleet/domain'
import {
  baseEnv,
  consulEnv,
  decimal,
  integer,
  natsEnv,
  oneOf,
  secret,
  url,
} from '@agentfleet/runtime'
import { z } from 'zod'

const DAY_MS = 86_400_000

/** Environment of the autoscaler. */
export const schema = z.object({
  ...baseEnv('autoscaler'),
  ...natsEnv,
  ...consulEnv,
  DRIVER: oneOf(['local', 'recommend'], 'recommend'),
  ORCHESTRATOR_URL: url().optional(),
  ORCHESTRATOR_TOKEN: secret().optional(),
  SCALE_MIN: integer({ min: 0, max: 10_000, default: SCALE_LIMITS.nodesMin }),
  SCALE_MAX: integer({ min: 1, max: 10_000, default: SCALE_LIMITS.nodesMax }),
  SCALE_TARGET: decimal({ min: 0.1, max: 1, default: SCALE_LIMITS.utilisationTarget }),
  SCALE_COOLDOWN_MS: integer({ min: 0, max: DAY_MS, default: SCALE_LIMITS.cooldownMs }),
  /** Two minutes of lower demand before a node goes: starting one again costs more than keeping it. */
  SCALE_DOWN_WINDOW_MS: integer({ min: 0, max: DAY_MS, default: 120_000 }),
  SCALE_INTERVAL_MS: integer({ min: 100, max: 60_000, default: 2_000 }),
  /** Consul's least. */
  LEADER_TTL_MS: integer({ min: 10_000, max: DAY_MS, default: 10_000 }),
})

/** The autoscaler's configuration. */
export type AutoscalerConfig = Readonly<z.infer<typeof schema>>
