import { adviserEnv, baseEnv, consulEnv, natsEnv, redisEnv, secret } from '@agentfleet/runtime'
import { z } from 'zod'

/** Environment of the load balancer. */
export const schema = z.object({
  ...baseEnv('load-balancer'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  ...adviserEnv,
  /** Shared with the coordinators: proves which node was given which task (L9). */
  CLAIM_KEY: secret(),
})
