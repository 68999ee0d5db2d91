import { countedKeyProblems, KEY_LIMITS, MODEL_PATTERN } from '@agentfleet/domain'
import {
  readTenantBudgets,
  readTenantLimits,
  readTenantTools,
  TOKEN_PATTERN,
} from '@agentfleet/protocol'
import {
  ConfigError,
  baseEnv,
  consulEnv,
  host,
  integer,
  isLoopback,
  isSendable,
  list,
  natsEnv,
  notEmpty,
  redisEnv,
  secret,
  text,
  url,
  withRules,
} from '@agentfleet/runtime'
import { z } from 'zod'
import { hostProblems, originProblems } from './http/hosts.ts'
import { proxyProblems } from './http/proxies.ts'
import { parseToken } from './principals/tokens.ts'

const variables = z.object({
  ...baseEnv('gateway'),
  ...natsEnv,
  ...redisEnv,
  ...consulEnv,
  /** Default: loopback without API keys, every address with them. Without keys only loopback is allowed. */
  API_HOST: host().optional(),
  API_PORT: integer({ min: 0, max: 65_535, default: 8080 }),
  /** `tenant:key,tenant:key`; if unset, every request belongs to the tenant `default`. */
  API_KEYS: notEmpty(
    secret(),
    'without keys, every client that can reach the API can use it as the tenant "default"',
  ),
  /** Requests in a minute of each key of API_KEYS, over all gateways. */
  API_KEYS_REQUESTS_PER_MINUTE: integer({
    min: 1,
    max: KEY_LIMITS.requestsPerMinuteMax,
  }).optional(),
  /** Requests and streams that each key of API_KEYS has open at once, over all gateways. */
  API_KEYS_CONCURRENT: integer({ min: 1, max: KEY_LIMITS.concurrentMax }).optional(),
  /** The first admin key: it makes the keys of all tenants, and has every other scope for `default`. */
  ADMIN_KEY: notEmpty(secret(), 'without ADMIN_KEY, no client can make keys through the API'),
  /** Accepts JWTs of this issuer, exactly as their claim `iss` names it. */
  JWT_ISSUER: text().optional(),
  /** The claim `aud` that a JWT must have. */
  JWT_AUDIENCE: text().optional(),
  /** Where the issuer publishes its keys. */
  JWT_JWKS_URL: url().optional(),
  JWT_ALGORITHMS: list(['RS256', 'ES256', 'EdDSA', 'Ed25519']),
  /** The claim with the tenant; a dot stands between the names of nested claims. */
  JWT_TENANT_CLAIM: text({ default: 'tenant' }),
  /** The claim with the scopes, as a list or with blanks between them; words in it that are not scopes are ignored. */
  JWT_SCOPE_CLAIM: text({ default: 'scope' }),
  /** Requests in a minute of all tokens with one subject, over all gateways. */
  JWT_REQUESTS_PER_MINUTE: integer({ min: 1, max: KEY_LIMITS.requestsPerMinuteMax }).optional(),
  /** Requests and streams that all tokens with one subject have open at once, over all gateways. */
  JWT_CONCURRENT: integer({ min: 1, max: KEY_LIMITS.concurrentMax }).optional(),
  /** Tenants whose keys also see other tenants' task ids in decisions and incidents. */
  OPERATOR_TENANTS: list([]),
  /** Names by which clients call the gateway, in addition to loopback and the address that they reach. */
  PUBLIC_HOSTS: list([]),
  /**
   * The path under which a proxy offers the gateway, such as `/fleet`. The page puts it before every address;
   * the proxy may remove it or leave it in the requests.
   */
  PUBLIC_PATH: text({ pattern: /^(?:\/[\w.~-]+)+$/ }).optional(),
  /** Origins of web pages that may use the API, in addition to the gateway's own origin. */
  ALLOWED_ORIGINS: list([]),
  /**
   * Addresses and networks of proxies whose `X-Forwarded-For` names the caller; the gateway ignores the
   * header of other callers.
   */
  TRUSTED_PROXIES: list([]),
  /** In addition, an address has at most half of the connections that others leave free. */
  CONNECTIONS_PER_ADDRESS: integer({ min: 1, max: 100_000 }).optional(),
  /** As for load balancers; here all fields but `concurrency` and `weight` count. */
  TENANT_LIMITS: notEmpty(text(), 'no tenant has a limit'),
  /** As for workers, which keep the budgets; the gateway only shows them. */
  TENANT_BUDGETS: notEmpty(text(), 'no tenant has a budget'),
  /** As for workers, which enforce the rules; the gateway shows each tenant only its tools, and refuses the others. */
  TENANT_TOOLS: notEmpty(text(), 'every tenant may use every tool'),
  /** As for coordinators, which count usage by the values of these metadata keys. */
  USAGE_METADATA_KEYS: list([]),
  DEFAULT_MODEL: text({ default: 'gpt-4o-mini', pattern: MODEL_PATTERN }),
})

/** The variables that are right, as the rules see them. */
type Variables = Readonly<Partial<z.output<typeof variables>>>

/** A key of API_KEYS and its tenant. */
export interface ConfiguredKey {
  readonly tenant: string
  readonly key: string
}

/** The tenant of every request when no keys are configured. */
export const DEFAULT_TENANT = 'default'

/** Everyone who reaches an API without keys is its operator, so only this machine may reach it. */
const NO_KEYS_HELP = 'set ADMIN_KEY or API_KEYS=tenant:key, or let the API listen on 127.0.0.1 only'

/** Shorter keys can be guessed. */
const KEY_LENGTH_MIN = 16
/** A key with all rights gets more: 128 random bits in hexadecimal. */
const ADMIN_KEY_LENGTH_MIN = 32
/** Signatures by public keys; with a shared secret the gateway could forge tokens. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  // The name of RFC 9864 for what issuers mean by EdDSA.
  'Ed25519',
]

/** Parses API_KEYS; throws a ConfigError whose message contains no key. */
export function parseApiKeys(value: string | undefined): readonly ConfiguredKey[] {
  if (value === undefined) return []
  const problems: string[] = []
  const keys = value.split(',').map((entry, index) => {
    const [tenant = '', ...rest] = entry.trim().split(':')
    const key = rest.join(':')
    const note = (problem: string) => problems.push(`API_KEYS: entry ${index + 1} ${problem}`)
    if (rest.length === 0) {
      note('must read tenant:key; it has no colon')
      return { tenant, key: entry.trim() }
    }
    if (!TOKEN_PATTERN.test(tenant)) {
      note(
        'needs a tenant of 1 to 48 lower-case letters, digits or -, beginning with a letter or a digit',
      )
    }
    if (key.length < KEY_LENGTH_MIN) note(`needs a key of ${KEY_LENGTH_MIN} characters or more`)
    unusable(key).forEach(note)
    return { tenant, key }
  })
  if (new Set(keys.map(({ key }) => key)).size < keys.length) {
    problems.push('API_KEYS: two entries have the same key; give each entry a different key')
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return keys
}

/** Why no caller could use the key, whatever it sends. */
function unusable(key: string): readonly string[] {
  if (!isSendable(key)) {
    return [
      'has a key that no client can send in a header; write it without blanks, with visible ASCII characters only',
    ]
  }
  if (parseToken(key) === undefined) return []
  return [
    'has a key in the form of those that the gateway makes (af_…), among which it would look for it; choose another key',
  ]
}

/** The admin key has rights that no key of a tenant may get by accident. */
function adminKeyProblems({ ADMIN_KEY: key, API_KEYS }: CallerConfig): readonly string[] {
  if (key === undefined) return []
  const isShort = key.length < ADMIN_KEY_LENGTH_MIN
  const isOfTenant = parseApiKeys(API_KEYS).some((configured) => configured.key === key)
  return [
    ...(isShort ? [`ADMIN_KEY: needs ${ADMIN_KEY_LENGTH_MIN} characters or more`] : []),
    ...unusable(key).map((problem) => `ADMIN_KEY: ${problem}`),
    ...(isOfTenant
      ? [
          'ADMIN_KEY: is also a key of a tenant in API_KEYS, which would have all rights; draw another key',
        ]
      : []),
  ]
}

/** Variables that say who may call. */
type CallerConfig = Pick<Variables, 'API_KEYS' | 'ADMIN_KEY' | 'JWT_ISSUER'>

/** Whether the gateway knows no callers, so that everyone who reaches it may do everything. */
export function isOpen({ API_KEYS, ADMIN_KEY, JWT_ISSUER }: CallerConfig): boolean {
  return API_KEYS === undefined && ADMIN_KEY === undefined && JWT_ISSUER === undefined
}

/**
 * Returns how many tenants share the fleet: those of API_KEYS and those that usable keys of the API name.
 * Tokens bring their tenant, so with JWTs the fleet always counts as shared. ADMIN_KEY makes keys; its tenant
 * counts when another key names it.
 */
export function tenantsOf(config: CallerConfig, ofKeys: ReadonlySet<string>): number {
  const named = new Set([...parseApiKeys(config.API_KEYS).map(({ tenant }) => tenant), ...ofKeys])
  return Math.max(config.JWT_ISSUER === undefined ? 1 : 2, named.size)
}

/**
 * Returns the operator tenants; an open gateway makes every caller an operator. Throws a ConfigError for a
 * tenant that has no key, if all keys are in the configuration.
 */
export function parseOperators(
  tenants: readonly string[],
  config: CallerConfig,
): ReadonlySet<string> {
  if (isOpen(config)) return new Set([DEFAULT_TENANT])
  if (config.ADMIN_KEY !== undefined || config.JWT_ISSUER !== undefined) return new Set(tenants)
  const keys = parseApiKeys(config.API_KEYS)
  const problems = tenants
    .filter((name) => !keys.some(({ tenant }) => tenant === name))
    .map((name) => `OPERATOR_TENANTS: API_KEYS has no key for the tenant ${name}`)
  if (problems.length > 0) throw new ConfigError(problems)
  return new Set(tenants)
}

/** The environment variables of the gateway. */
export const schema = withRules(
  variables,
  (config) => {
    parseApiKeys(config.API_KEYS)
    parseOperators(config.OPERATOR_TENANTS ?? [], config)
    return []
  },
  adminKeyProblems,
  jwtProblems,
  (config) =>
    isOpen(config) && config.API_HOST !== undefined && !isLoopback(config.API_HOST)
      ? [
          `API_KEYS: is not set, and API_HOST=${config.API_HOST} can be reached from other machines; ${NO_KEYS_HELP}`,
        ]
      : [],
  ({ PUBLIC_HOSTS = [] }) => hostProblems(PUBLIC_HOSTS),
  ({ ALLOWED_ORIGINS = [] }) => originProblems(ALLOWED_ORIGINS),
  ({ TRUSTED_PROXIES = [] }) => proxyProblems(TRUSTED_PROXIES),
  ({ TENANT_LIMITS }) => readTenantLimits(TENANT_LIMITS).problems,
  ({ USAGE_METADATA_KEYS = [] }) => countedKeyProblems(USAGE_METADATA_KEYS),
  ({ TENANT_BUDGETS }) => readTenantBudgets(TENANT_BUDGETS).problems,
  ({ TENANT_TOOLS }) => readTenantTools(TENANT_TOOLS).problems,
)

/** The parsed configuration of the gateway. */
export type GatewayConfig = Readonly<z.output<typeof schema>>

/** Returns the address on which the API listens. */
export function apiHost(config: GatewayConfig): string {
  return config.API_HOST ?? (isOpen(config) ? '127.0.0.1' : '0.0.0.0')
}

/** The rules of the JWT variables: all or none, and no algorithm that accepts a shared secret or none. */
function jwtProblems(config: Variables): readonly string[] {
  const names = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL'] as const
  const missing = names.filter((name) => config[name] === undefined)
  const partly = missing.length > 0 && missing.length < names.length
  const { JWT_ALGORITHMS: algorithms = [] } = config
  const unknown = algorithms.filter((name) => !ALGORITHMS.includes(name))
  return [
    ...(partly ? missing.map((name) => `${name}: is not set; JWTs need ${names.join(', ')}`) : []),
    ...unknown.map(
      (name) =>
        `JWT_ALGORITHMS: ${JSON.stringify(name.slice(0, 20))} is not one of ${ALGORITHMS.join(', ')}`,
    ),
  ]
}
