import { orchestratorEnv } from '@agentfleet/orchestrator'
import { adviserEnv, baseEnv, consulEnv, natsEnv, redisEnv } from '@agentfleet/runtime'
import { z } from 'zod'

/** Environment of recovery. */
export const schema = z.object({
  ...baseEnv('recovery'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  ...adviserEnv,
  ...orchestratorEnv,
})

/** The configuration of recovery. */
export type RecoveryConfig = Readonly<z.infer<typeof schema>>
