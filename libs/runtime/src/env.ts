import { randomBytes } from 'node:crypto'
import type { ModelPrice } from '@agentfleet/domain'
import { z } from 'zod'
import {
  decimal,
  headerSecret,
  host,
  integer,
  oneOf,
  secret,
  serverUrl,
  text,
  url,
} from './config.ts'
import { logLevels } from './logger.ts'

/** The variables of every process, to be spread into its schema. */
export function baseEnv(name: string) {
  return {
    /** The id becomes one token of a subject, so it has no dots, blanks or wildcards. */
    SERVICE_ID: text({
      default: () => `${name}-${randomBytes(4).toString('hex')}`,
      pattern: /^[A-Za-z0-9_-]{1,64}$/,
      expected: '1 to 64 letters, digits, - or _',
    }),
    HTTP_HOST: host('127.0.0.1'),
    /** 0 takes a free port. */
    HTTP_PORT: integer({ min: 0, max: 65_535, default: 0 }),
    ADVERTISE_HOST: host().optional(),
    LOG_LEVEL: oneOf(logLevels, 'info'),
    /** 20 s: below the 30 s that orchestrators usually wait before they kill. */
    DRAIN_DEADLINE_MS: integer({ min: 0, max: 3_600_000, default: 20_000 }),
    /** Factor of leases, backoff and repair intervals, the same for a whole fleet; below 1 only in tests. */
    TIME_SCALE: decimal({ min: 0.05, max: 1, default: 1 }),
  }
}

/** The values made from `baseEnv`. */
export type BaseConfig = Readonly<z.output<z.ZodObject<ReturnType<typeof baseEnv>>>>

/** PEM files of an encrypted connection: the server's authority, and a certificate of this client. */
function tlsFiles<const S extends string>(server: S) {
  const file = () => text({ expected: 'the path of a PEM file' }).optional()
  return {
    [`${server}_CA_FILE`]: file(),
    [`${server}_CERT_FILE`]: file(),
    [`${server}_KEY_FILE`]: file(),
  } as Record<`${S}_${'CA' | 'CERT' | 'KEY'}_FILE`, ReturnType<typeof file>>
}

/** The variables of every service that connects to NATS. */
export const natsEnv = Object.freeze({
  NATS_URL: serverUrl('nats://127.0.0.1:4222', ['nats', 'tls']),
  NATS_USER: text().optional(),
  NATS_PASSWORD: secret().optional(),
  ...tlsFiles('NATS'),
})

/** The variables of every service that connects to Redis. */
export const redisEnv = Object.freeze({
  /** The path may name a database, such as `/1`. */
  REDIS_URL: serverUrl('redis://127.0.0.1:6379', ['redis', 'rediss'], /^(?:\/\d{0,5})?$/),
  ...tlsFiles('REDIS'),
})

/** The variables of every service that connects to Consul. */
export const consulEnv = Object.freeze({
  CONSUL_URL: serverUrl('http://127.0.0.1:8500', ['http', 'https']),
  CONSUL_TOKEN: headerSecret().optional(),
  ...tlsFiles('CONSUL'),
})

/** A price table: `model=input/output,…`, and `*` for every other model. */
export function prices(byDefault: string): z.ZodType<Readonly<Record<string, ModelPrice>>> {
  const entry = /^([^=\s]{1,128})=(\d{1,6}(?:\.\d{1,6})?)\/(\d{1,6}(?:\.\d{1,6})?)$/
  const schema = z.string().transform((raw, context) => {
    const refuse = (message: string): never => {
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    const found = raw.split(',').map((part) => entry.exec(part.trim()))
    if (found.includes(null)) return refuse(`is ${JSON.stringify(raw.slice(0, 80))}`)
    const table = found.map((match) => {
      const [, model = '', input, output] = match ?? []
      const price = { inputUsdPerMillion: Number(input), outputUsdPerMillion: Number(output) }
      return [model, Object.freeze(price)] as const
    })
    const models = table.map(([model]) => model)
    const twice = models.find((model, index) => models.indexOf(model) !== index)
    if (twice !== undefined) return refuse(`has two prices of ${twice}; keep one of them`)
    return Object.freeze(Object.fromEntries(table))
  })
  const description =
    'prices such as model=input/output in US dollars for a million tokens, separated by commas'
  return schema.prefault(byDefault).meta({ description })
}

/** The variables of every service with an adviser; without a key or a base URL it is off in every mode. */
export const adviserEnv = Object.freeze({
  ADVISER_MODE: oneOf(['off', 'shadow', 'on'], 'off'),
  ADVISER_MODEL: text({ default: 'gpt-4o-mini' }),
  /** Takes precedence over OPENAI_BASE_URL, for an adviser with another provider than the tasks. */
  ADVISER_BASE_URL: url().optional(),
  OPENAI_BASE_URL: url().optional(),
  OPENAI_API_KEY: headerSecret().optional(),
  /** Calls and money within any hour, of this process. */
  ADVISER_CALLS_PER_HOUR: integer({ min: 0, max: 100_000, default: 60 }),
  ADVISER_USD_PER_HOUR: decimal({ min: 0, max: 10_000, default: 1 }),
  /** Longest wait for any answer; questions may wait less. */
  ADVISER_TIMEOUT_MS: integer({ min: 10, max: 30_000, default: 5_000 }),
  /** Longest answer in tokens; models that reason spend most of it before they answer. */
  ADVISER_OUTPUT_TOKENS: integer({ min: 16, max: 100_000, default: 1_000 }),
  /** A model without an entry counts as expensive, so that the budget holds. */
  ADVISER_PRICES: prices('gpt-4o-mini=0.15/0.6,*=30/180'),
})
