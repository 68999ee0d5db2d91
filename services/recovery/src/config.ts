import { orchestratorEnv, orchestratorProblems } from '@agentfleet/orchestrator'
import { adviserEnv, baseEnv, consulEnv, natsEnv, redisEnv, withRules } from '@agentfleet/runtime'
import { z } from 'zod'

const variables = z.object({
  ...baseEnv('recovery'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  ...adviserEnv,
  ...orchestratorEnv,
})

/** The environment variables of recovery. */
export const schema = withRules(variables, orchestratorProblems)

/** The parsed configuration of recovery. */
export type RecoveryConfig = Readonly<z.output<typeof schema>>
