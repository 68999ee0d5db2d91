import { baseEnv, consulEnv, natsEnv } from '@agentfleet/runtime'
import { z } from 'zod'

/** The environment variables of the health monitor. */
export const schema = z.object({ ...baseEnv('health-monitor'), ...natsEnv, ...consulEnv })
