import { readFileSync } from 'node:fs'

/**
 * The environment of the processes of `npm start`: they inherit the variables of the shell, and it adds
 * these. docs/reference/npm-start.md is generated from these lists and the schemas of the services.
 */

/** Variables that `npm start` sets itself: a value from outside has no effect. */
export const SET_BY_START = [
  'CLAIM_KEY',
  'CONSUL_URL',
  'DRIVER',
  'HTTP_PORT',
  'NATS_ISSUER_SEED',
  'NATS_PASSWORD',
  'NATS_URL',
  'NATS_USER',
  'NODE_PASSWORD',
  'NODE_SECRET',
  'ORCHESTRATOR_TOKEN',
  'ORCHESTRATOR_URL',
  'REDIS_URL',
  'SERVICE_ID',
  'TIME_SCALE',
] as const

/** Variables that no service reads: those of the start, the command line and the tests. */
export const OWN_VARIABLES = [
  'AGENTFLEET_CACHE',
  'AGENTFLEET_KEEP_LOGS',
  'AGENTFLEET_KEY',
  'AGENTFLEET_URL',
] as const

/**
 * The variables of every process while the simulator answers in place of an LLM. Advice of the simulator
 * costs nothing; ADVISER_MODE of the inherited environment says whether services ask for it.
 */
export const SIMULATED = {
  OPENAI_API_KEY: 'simulated',
  DEFAULT_MODEL: 'sim',
  ADVISER_MODEL: 'sim',
  ADVISER_PRICES: 'sim=0/0',
} as const

/** The variables that a fleet sets for its processes. */
export type StartEnv = Readonly<
  Partial<Record<(typeof SET_BY_START)[number] | keyof typeof SIMULATED | 'API_PORT', string>>
>

/**
 * The key with which `npm start` checks the fleet: that of the first tenant in API_KEYS, otherwise
 * ADMIN_KEY; undefined without keys.
 */
export function firstKeyOf(
  env: Readonly<Record<string, string | undefined>>,
  read: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): string | undefined {
  const text = (name: string) => {
    const path = env[`${name}_FILE`]
    return (env[name] || (path ? read(path) : undefined))?.trim()
  }
  return text('API_KEYS')?.split(',')[0]?.split(':').slice(1).join(':') ?? text('ADMIN_KEY')
}
