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
  /** Shared with the coordinators: proves which node was given which task (L9). */
  CLAIM_KEY: secret(),
  /** JSON: `{"<tenant or *>": {"concurrency": 50, "weight": 2}}`; unset: equal parts, no limits. */
  TENANT_LIMITS: notEmpty(text(), 'equal parts and no limits for all tenants'),
})

const allowancesSchema = z.record(
  z.union([z.literal('*'), z.string().regex(TOKEN_PATTERN)]),
  z.strictObject({
    concurrency: z.number().int().min(1).max(1_000_000).optional(),
    weight: z.number().min(0.01).max(1_000).default(1),
  }),
)

/** The allowances of TENANT_LIMITS; throws ConfigError. */
export function parseTenantLimits(value: string | undefined): Allowances {
  if (value === undefined) return new Map()
  let json: unknown
  try {
    json = JSON.parse(value)
  } catch {
    throw new ConfigError(['TENANT_LIMITS: is not JSON'])
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

/** Environment of the load balancer. */
export const schema = withRules(variables, ({ TENANT_LIMITS }) => {
  parseTenantLimits(TENANT_LIMITS)
  return []
})
