import { MODEL_PATTERN } from '@agentfleet/domain'
import { TOKEN_PATTERN } from '@agentfleet/protocol'
import {
  ConfigError,
  baseEnv,
  consulEnv,
  integer,
  list,
  natsEnv,
  notEmpty,
  redisEnv,
  secret,
  text,
  withRules,
} from '@agentfleet/runtime'
import { z } from 'zod'

const variables = z.object({
  ...baseEnv('gateway'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  /** Loopback without API keys, every address with them, unless it is said. */
  API_HOST: text().optional(),
  API_PORT: integer({ min: 0, max: 65_535, default: 8080 }),
  /** `tenant:key,tenant:key`; unset: every request is of the tenant `default`. */
  API_KEYS: notEmpty(
    secret(),
    'no keys, so everyone who reaches the API may use it as the tenant "default"',
  ),
  /** Tenants of API_KEYS whose keys also see what is of other tenants in decisions and incidents. */
  OPERATOR_TENANTS: list([]),
  /** Origins of web pages that may open the stream, beside the gateway's own. */
  ALLOWED_ORIGINS: list([]),
  DEFAULT_MODEL: text({ default: 'gpt-4o-mini', pattern: MODEL_PATTERN }),
})

/** One key and whose it is. */
export interface ApiKey {
  readonly tenant: string
  readonly key: string
}

/** The tenant of every request when no keys are configured. */
export const DEFAULT_TENANT = 'default'

/** Shorter keys could be guessed. */
const KEY_LENGTH_MIN = 16

/** The keys of API_KEYS; throws ConfigError without repeating any key. */
export function parseApiKeys(value: string | undefined): readonly ApiKey[] {
  if (value === undefined) return []
  const problems: string[] = []
  const keys = value.split(',').map((entry, index) => {
    const [tenant = '', ...rest] = entry.trim().split(':')
    const key = rest.join(':')
    if (!TOKEN_PATTERN.test(tenant)) {
      problems.push(`API_KEYS: entry ${index + 1} needs a tenant that matches ${TOKEN_PATTERN}`)
    }
    if (key.length < KEY_LENGTH_MIN) {
      problems.push(
        `API_KEYS: entry ${index + 1} needs a key of ${KEY_LENGTH_MIN} characters or more`,
      )
    }
    return { tenant, key }
  })
  if (new Set(keys.map(({ key }) => key)).size < keys.length) {
    problems.push('API_KEYS: the same key stands there twice')
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return keys
}

/**
 * The tenants whose keys are an operator's, who sees what concerns the whole fleet; without keys it is
 * everyone. Throws ConfigError for a name that no key belongs to.
 */
export function parseOperators(
  tenants: readonly string[],
  keys: readonly ApiKey[],
): ReadonlySet<string> {
  if (keys.length === 0) return new Set([DEFAULT_TENANT])
  const problems = tenants
    .filter((name) => !keys.some(({ tenant }) => tenant === name))
    .map((name) => `OPERATOR_TENANTS: no key of API_KEYS is of the tenant ${name}`)
  if (problems.length > 0) throw new ConfigError(problems)
  return new Set(tenants)
}

/** The variables of the gateway. */
export const schema = withRules(variables, ({ API_KEYS, OPERATOR_TENANTS = [] }) => {
  parseOperators(OPERATOR_TENANTS, parseApiKeys(API_KEYS))
  return []
})

/** What the variables of the gateway turn into. */
export type GatewayConfig = Readonly<z.output<typeof schema>>

/** Where the API listens. */
export function apiHost(config: GatewayConfig): string {
  return config.API_HOST ?? (config.API_KEYS === undefined ? '127.0.0.1' : '0.0.0.0')
}
