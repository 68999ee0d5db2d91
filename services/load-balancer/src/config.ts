import { readTenantLimits } from '@agentfleet/protocol'
import {
  adviserEnv,
  baseEnv,
  consulEnv,
  natsEnv,
  notEmpty,
  redisEnv,
  signingSecret,
  text,
  withRules,
} from '@agentfleet/runtime'
import { z } from 'zod'

const variables = z.object({
  ...baseEnv('load-balancer'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  ...adviserEnv,
  /** Shared with the coordinators; signs the claim that proves which node got which task (L9). */
  CLAIM_KEY: signingSecret(),
  /** Here `concurrency` and `weight` count; default: equal shares without limits. */
  TENANT_LIMITS: notEmpty(text(), 'all tenants have equal shares and no limits'),
})

/** The environment variables of the load balancer. */
export const schema = withRules(
  variables,
  ({ TENANT_LIMITS }) => readTenantLimits(TENANT_LIMITS).problems,
)

/** The configuration of a load balancer. */
export type BalancerConfig = Readonly<z.output<typeof schema>>
