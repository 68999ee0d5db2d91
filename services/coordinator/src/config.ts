import { countedKeyProblems } from '@agentfleet/domain'
import { openIssuer, readTenantLimits } from '@agentfleet/protocol'
import {
  baseEnv,
  consulEnv,
  integer,
  list,
  natsEnv,
  notEmpty,
  redisEnv,
  secret,
  signingSecret,
  text,
  withRules,
} from '@agentfleet/runtime'
import { z } from 'zod'

const GIB = 1024 ** 3

const variables = z.object({
  ...baseEnv('coordinator'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  /** Shared with the load balancers; signs the claim that proves which node got which task (L9). */
  CLAIM_KEY: signingSecret(),
  /** With both, it vouches for the nodes: the password that all nodes share, and the key that signs (L9). */
  NODE_PASSWORD: secret().optional(),
  NATS_ISSUER_SEED: secret().optional(),
  LOG_MAX_BYTES: integer({ min: 1024 * 1024, max: 4096 * GIB, default: 16 * GIB }),
  TASKS_MAX_BYTES: integer({ min: 1024 * 1024, max: 4096 * GIB, default: 8 * GIB }),
  STREAM_REPLICAS: integer({ min: 1, max: 5, default: 1 }),
  /** Milliseconds for which an ended task stays readable; default: seven days. */
  RETENTION_MS: integer({ min: 1_000, max: 365 * 86_400_000, default: 7 * 86_400_000 }),
  /** The most ended tasks that stay readable; the oldest of the tenants with the most leave first. */
  RETENTION_TASKS: integer({ min: 1, max: 100_000_000, default: 250_000 }),
  /** As for gateways and load balancers; here `logBytes` and `tasks` count, for children and ticks. */
  TENANT_LIMITS: notEmpty(text(), 'no tenant has a limit'),
  /** Metadata keys by whose values usage is counted; the gateways need the same keys. */
  USAGE_METADATA_KEYS: list([]),
})

/** The environment variables of the coordinator. */
export const schema = withRules(
  variables,
  ({ TENANT_LIMITS }) => readTenantLimits(TENANT_LIMITS).problems,
  ({ USAGE_METADATA_KEYS = [] }) => countedKeyProblems(USAGE_METADATA_KEYS),
  ({ NODE_PASSWORD, NATS_ISSUER_SEED }) => {
    if ((NODE_PASSWORD === undefined) !== (NATS_ISSUER_SEED === undefined)) {
      return [
        'NATS_ISSUER_SEED: needs NODE_PASSWORD too; set both variables if nodes log in to NATS as users, otherwise set none',
      ]
    }
    return NATS_ISSUER_SEED === undefined || openIssuer(NATS_ISSUER_SEED) !== undefined
      ? []
      : ['NATS_ISSUER_SEED: is not the seed of an account; such a seed begins with SA']
  },
)

/** The parsed configuration of the coordinator. */
export type CoordinatorConfig = Readonly<z.output<typeof schema>>
