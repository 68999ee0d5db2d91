import { TOKEN_PATTERN } from '@agentfleet/protocol'
import {
  adviserEnv,
  baseEnv,
  ConfigError,
  consulEnv,
  natsEnv,
  notEmpty,
  redisEnv,
  secret,
  text,
  withRules,
} from '@agentfleet/runtime'
import { z } from 'zod'
import type { Allowances } from './intake/tenant-shares.ts'

const variables = z.object({
  ...baseEnv('load-balancer'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  ...adviserEnv,
  /** Shared with the coordinators; signs the claim that proves which node got which task (L9). */
  CLAIM_KEY: secret(),
  /**
   * JSON such as `{"<tenant or *>": {"concurrency": 50, "weight": 2}}`; default: equal shares
   * without limits.
   */
  TENANT_LIMITS: notEmpty(text(), 'equal shares and no limits for all tenants'),
})

const allowancesSchema = z.record(
  z.union([z.literal('*'), z.string().regex(TOKEN_PATTERN)]),
  z.strictObject({
    concurrency: z.number().int().min(1).max(1_000_000).optional(),
    weight: z.number().min(0.01).max(1_000).default(1),
  }),
)

/** Parses the allowances in TENANT_LIMITS; throws a ConfigError. */
export function parseTenantLimits(value: string | undefined): Allowances {
  if (value === undefined) return new Map()
  let json: unknown
  try {
    json = JSON.parse(value)
  } catch {
    throw new ConfigError([
      'TENANT_LIMITS: must be JSON such as {"acme": {"concurrency": 50, "weight": 2}}',
    ])
  }
  const parsed = allowancesSchema.safeParse(json)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `TENANT_LIMITS: ${path.join('.')}: ${message}`,
    )
    throw new ConfigError(problems)
  }
  return new Map(
    Object.entries(parsed.data).map(([tenant, { weight, concurrency }]) => [
      tenant,
      { weight, ...(concurrency === undefined ? {} : { concurrency }) },
    ]),
  )
}

/** The environment variables of the load balancer. */
export const schema = withRules(variables, ({ TENANT_LIMITS }) => {
  parseTenantLimits(TENANT_LIMITS)
  return []
})
