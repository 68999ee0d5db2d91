import { baseEnv, consulEnv, natsEnv, redisEnv, secret, url } from '@agentfleet/runtime'
import { z } from 'zod'

/** Environment of recovery. */
export const schema = z.object({
  ...baseEnv('recovery'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  /** Control API that can replace a node (see services/autoscaler/README.md); without: none is. */
  ORCHESTRATOR_URL: url().optional(),
  ORCHESTRATOR_TOKEN: secret().optional(),
})
