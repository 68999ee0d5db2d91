import { randomBytes } from 'node:crypto'
import { TOKEN_PATTERN } from '@agentfleet/protocol'
import {
  baseEnv,
  consulEnv,
  integer,
  list,
  natsEnv,
  notEmpty,
  prices,
  redisEnv,
  secret,
  text,
  url,
  withRules,
} from '@agentfleet/runtime'
import { z } from 'zod'
import { tenantBudgetsOf } from './llm/provider-config.ts'

const variables = z.object({
  ...baseEnv('worker'),
  ...natsEnv,
  /** Limits and budgets that all nodes share. */
  ...redisEnv,
  ...consulEnv,
  /** The node id: one token of a subject, stricter than the ids of other services. */
  SERVICE_ID: text({
    default: () => `worker-${randomBytes(4).toString('hex')}`,
    pattern: TOKEN_PATTERN,
    expected: '1 to 48 lower-case letters, digits or -',
  }),
  /** Attempts at once; they wait for their provider most of the time, so the processor is no measure. */
  WORKER_SLOTS: integer({ min: 1, max: 100_000, default: 512 }),
  OPENAI_API_KEY: secret().optional(),
  OPENAI_BASE_URL: url().optional(),
  /** Any number of providers as JSON (README), in place of the one of OPENAI_*; it may hold keys. */
  PROVIDERS: secret().optional(),
  /** Limits of OPENAI_API_KEY, over the whole fleet; 0: those that the provider names. */
  PROVIDER_RPM: integer({ min: 0, max: 1_000_000_000, default: 0 }),
  PROVIDER_TPM: integer({ min: 0, max: 1_000_000_000, default: 0 }),
  PROVIDER_CONCURRENT: integer({ min: 0, max: 1_000_000, default: 0 }),
  /** Prices of the provider of OPENAI_API_KEY. */
  LLM_PRICES: prices('gpt-4o-mini=0.15/0.6,gpt-4o=2.5/10,gpt-4.1=2/8,gpt-4.1-mini=0.4/1.6'),
  /** What tenants may use within hours and days, as JSON (README). */
  TENANT_BUDGETS: notEmpty(text(), 'no tenant has a budget'),
  /** Longest silence before the first token: reasoning models think for minutes. */
  LLM_FIRST_TOKEN_TIMEOUT_MS: integer({ min: 100, max: 3_600_000, default: 240_000 }),
  /** Longest silence of a provider within its answer. */
  LLM_SILENCE_TIMEOUT_MS: integer({ min: 100, max: 3_600_000, default: 60_000 }),
  /** Longest LLM call in all; a reasoning model may take minutes. */
  LLM_CALL_TIMEOUT_MS: integer({ min: 100, max: 3_600_000, default: 600_000 }),
  /** LLM calls of one run: an agent that has not finished by then goes round in circles. */
  MAX_TURNS: integer({ min: 1, max: 1_000, default: 16 }),
  /** The team's folder of tools; `tools` beside `dist` when there is one. */
  TOOLS_DIR: text().optional(),
  /** MCP servers by name, as JSON; a secret, as it may hold keys. */
  MCP_SERVERS: secret().optional(),
  /** Hosts that `http_fetch` may name; without any there is no such tool. */
  HTTP_FETCH_HOSTS: list([]),
  HTTP_FETCH_DENIED_HOSTS: list([]),
  /** Ranges that may be fetched from although they are private, such as 10.1.0.0/16. */
  HTTP_FETCH_PRIVATE_RANGES: list([]),
})

/** The environment of a worker. */
export const schema = withRules(
  variables,
  ({ TENANT_BUDGETS }) => {
    tenantBudgetsOf(TENANT_BUDGETS)
    return []
  },
  ({ LLM_SILENCE_TIMEOUT_MS: silenceMs = 0, LLM_CALL_TIMEOUT_MS: callMs = Infinity }) =>
    silenceMs <= callMs
      ? []
      : [
          `LLM_SILENCE_TIMEOUT_MS: is ${silenceMs}, above LLM_CALL_TIMEOUT_MS (${callMs}); lower it, or raise the other`,
        ],
)

/** What the environment turns into. */
export type WorkerConfig = Readonly<z.output<typeof schema>>
