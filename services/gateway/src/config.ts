import { MODEL_PATTERN } from '@agentfleet/domain'
import { readTenantLimits, TOKEN_PATTERN } from '@agentfleet/protocol'
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
import { hostProblems, isLoopback } from './http/hosts.ts'

const variables = z.object({
  ...baseEnv('gateway'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  /**
   * Default: loopback without API keys, every address with them. Without keys only loopback is
   * allowed.
   */
  API_HOST: text().optional(),
  API_PORT: integer({ min: 0, max: 65_535, default: 8080 }),
  /** `tenant:key,tenant:key`; if unset, every request belongs to the tenant `default`. */
  API_KEYS: notEmpty(
    secret(),
    'without keys, everyone who reaches the API can use it as the tenant "default"',
  ),
  /** Tenants whose keys also see other tenants' task ids in decisions and incidents. */
  OPERATOR_TENANTS: list([]),
  /**
   * Names by which clients call the gateway, in addition to loopback and the address that they
   * reach.
   */
  PUBLIC_HOSTS: list([]),
  /** Origins of web pages that may use the API, in addition to the gateway's own origin. */
  ALLOWED_ORIGINS: list([]),
  /** As for load balancers; here all fields but `concurrency` and `weight` count. */
  TENANT_LIMITS: notEmpty(text(), 'no limits for all tenants'),
  DEFAULT_MODEL: text({ default: 'gpt-4o-mini', pattern: MODEL_PATTERN }),
})

/** An API key and its tenant. */
export interface ApiKey {
  readonly tenant: string
  readonly key: string
}

/** The tenant of every request when no keys are configured. */
export const DEFAULT_TENANT = 'default'

/** Everyone who reaches an API without keys is its operator, so only this machine may reach it. */
const NO_KEYS_HELP = 'set API_KEYS=tenant:key, or let the API listen on 127.0.0.1 only'

/** Shorter keys can be guessed. */
const KEY_LENGTH_MIN = 16

/** Parses API_KEYS; throws a ConfigError whose message contains no key. */
export function parseApiKeys(value: string | undefined): readonly ApiKey[] {
  if (value === undefined) return []
  const problems: string[] = []
  const keys = value.split(',').map((entry, index) => {
    const [tenant = '', ...rest] = entry.trim().split(':')
    const key = rest.join(':')
    if (rest.length === 0) {
      problems.push(`API_KEYS: entry ${index + 1} must read tenant:key; it has no colon`)
      return { tenant, key: entry.trim() }
    }
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
    problems.push('API_KEYS: two entries have the same key; give each entry its own')
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return keys
}

/**
 * Returns the operator tenants; without API keys every tenant is an operator. Throws a ConfigError
 * for a tenant that has no key.
 */
export function parseOperators(
  tenants: readonly string[],
  keys: readonly ApiKey[],
): ReadonlySet<string> {
  if (keys.length === 0) return new Set([DEFAULT_TENANT])
  const problems = tenants
    .filter((name) => !keys.some(({ tenant }) => tenant === name))
    .map((name) => `OPERATOR_TENANTS: API_KEYS has no key for the tenant ${name}`)
  if (problems.length > 0) throw new ConfigError(problems)
  return new Set(tenants)
}

/** The environment variables of the gateway. */
export const schema = withRules(
  variables,
  ({ API_KEYS, OPERATOR_TENANTS = [] }) => {
    parseOperators(OPERATOR_TENANTS, parseApiKeys(API_KEYS))
    return []
  },
  ({ API_KEYS, API_HOST }) =>
    API_KEYS === undefined && API_HOST !== undefined && !isLoopback(API_HOST)
      ? [
          `API_KEYS: is not set, and API_HOST=${API_HOST} can be reached from other machines; ${NO_KEYS_HELP}`,
        ]
      : [],
  ({ PUBLIC_HOSTS = [] }) => hostProblems(PUBLIC_HOSTS),
  ({ TENANT_LIMITS }) => readTenantLimits(TENANT_LIMITS).problems,
)

/** The parsed configuration of the gateway. */
export type GatewayConfig = Readonly<z.output<typeof schema>>

/** Returns the address on which the API listens. */
export function apiHost(config: GatewayConfig): string {
  return config.API_HOST ?? (config.API_KEYS === undefined ? '127.0.0.1' : '0.0.0.0')
}
