import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import { integer, oneOf, secret, text, url } from './config.ts'
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
    HTTP_HOST: text({ default: '127.0.0.1' }),
    /** 0 takes a free port. */
    HTTP_PORT: integer({ min: 0, max: 65_535, default: 0 }),
    ADVERTISE_HOST: text().optional(),
    LOG_LEVEL: oneOf(logLevels, 'info'),
    /** 20 s: below the 30 s that orchestrators usually give before they kill. */
    DRAIN_DEADLINE_MS: integer({ min: 0, max: 3_600_000, default: 20_000 }),
  }
}

/** What `baseEnv` turns into. */
export type BaseConfig = Readonly<z.output<z.ZodObject<ReturnType<typeof baseEnv>>>>

/** The variables of whoever connects to NATS. */
export const natsEnv = Object.freeze({
  NATS_URL: url('nats://127.0.0.1:4222'),
  NATS_USER: text().optional(),
  NATS_PASSWORD: secret().optional(),
})

/** The variables of whoever connects to Redis. */
export const redisEnv = Object.freeze({ REDIS_URL: url('redis://127.0.0.1:6379') })

/** The variables of whoever connects to Consul. */
export const consulEnv = Object.freeze({ CONSUL_URL: url('http://127.0.0.1:8500') })
