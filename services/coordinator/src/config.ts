import { baseEnv, consulEnv, integer, natsEnv, redisEnv, secret } from '@agentfleet/runtime'
import { z } from 'zod'

const GIB = 1024 ** 3

/** The environment variables of the coordinator. */
export const schema = z.object({
  ...baseEnv('coordinator'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  /** Shared with the load balancers; signs the claim that proves which node got which task (L9). */
  CLAIM_KEY: secret(),
  LOG_MAX_BYTES: integer({ min: 1024 * 1024, max: 4096 * GIB, default: 16 * GIB }),
  TASKS_MAX_BYTES: integer({ min: 1024 * 1024, max: 4096 * GIB, default: 8 * GIB }),
  STREAM_REPLICAS: integer({ min: 1, max: 5, default: 1 }),
  /** Milliseconds for which an ended task stays readable; default: one day. */
  RETENTION_MS: integer({ min: 1_000, max: 365 * 86_400_000, default: 86_400_000 }),
})

/** The parsed configuration of the coordinator. */
export type CoordinatorConfig = Readonly<z.output<typeof schema>>
