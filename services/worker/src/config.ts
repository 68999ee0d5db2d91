import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readTenantBudgets, readTenantTools, SLOTS_MAX, TOKEN_PATTERN } from '@agentfleet/protocol'
import {
  baseEnv,
  consulEnv,
  headerSecret,
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
import { listedProviders } from './llm/provider-config.ts'
import { fetchProblems } from './tools/fetch/http-fetch-tool.ts'
import { parseMcpServers } from './tools/mcp/mcp-config.ts'

/** As hard to guess as a key. */
const SECRET_BYTES = 24

const variables = z.object({
  ...baseEnv('worker'),
  ...natsEnv,
  /** The limits and budgets in Redis, which all nodes share. */
  ...redisEnv,
  ...consulEnv,
  /** The node id: one token of a subject, stricter than the ids of other services. */
  SERVICE_ID: text({
    default: () => `worker-${randomBytes(4).toString('hex')}`,
    pattern: TOKEN_PATTERN,
    expected: '1 to 48 lower-case letters, digits or -',
  }),
  /**
   * The secret that this node's name in NATS belongs to. A container that restarts under the same name needs
   * the same secret.
   */
  NODE_SECRET: secret().default(() => randomBytes(SECRET_BYTES).toString('base64url')),
  /**
   * Attempts at once. Most of the time they wait for their provider, so the number of CPU cores
   * does not matter.
   */
  WORKER_SLOTS: integer({ min: 1, max: SLOTS_MAX, default: 512 }),
  OPENAI_API_KEY: headerSecret().optional(),
  OPENAI_BASE_URL: url().optional(),
  /** Any number of providers as JSON (README); replaces OPENAI_*. Secret, because it may contain keys. */
  PROVIDERS: secret().optional(),
  /**
   * The limits of OPENAI_API_KEY for the whole fleet. 0 uses the requests and tokens a minute that the
   * provider reports, and sets no limit of concurrent calls.
   */
  PROVIDER_RPM: integer({ min: 0, max: 1_000_000_000, default: 0 }),
  PROVIDER_TPM: integer({ min: 0, max: 1_000_000_000, default: 0 }),
  PROVIDER_CONCURRENT: integer({ min: 0, max: 1_000_000, default: 0 }),
  /** The prices of the provider of OPENAI_API_KEY. */
  LLM_PRICES: prices('gpt-4o-mini=0.15/0.6,gpt-4o=2.5/10,gpt-4.1=2/8,gpt-4.1-mini=0.4/1.6'),
  /** What tenants may use within hours and days, as JSON (README). */
  TENANT_BUDGETS: notEmpty(text(), 'no tenant has a budget'),
  /** The longest silence before the first token: reasoning models think for minutes. */
  LLM_FIRST_TOKEN_TIMEOUT_MS: integer({ min: 100, max: 3_600_000, default: 240_000 }),
  /** The longest silence within an answer. */
  LLM_SILENCE_TIMEOUT_MS: integer({ min: 100, max: 3_600_000, default: 60_000 }),
  /** The longest LLM call; a reasoning model may take minutes. */
  LLM_CALL_TIMEOUT_MS: integer({ min: 100, max: 3_600_000, default: 600_000 }),
  /** LLM calls of one run: an agent that needs more is in a loop. */
  MAX_TURNS: integer({ min: 1, max: 1_000, default: 16 }),
  /** The folder of your own tools; default: `tools` next to `dist` if it exists. */
  TOOLS_DIR: text().optional(),
  /** Tools that each tenant may use, as JSON by tenant. */
  TENANT_TOOLS: notEmpty(text(), 'every tenant may use every tool'),
  /** MCP servers by name, as JSON; secret, because it may contain keys. */
  MCP_SERVERS: secret().optional(),
  /** Hosts that `http_fetch` may read; without hosts the tool does not exist. */
  HTTP_FETCH_HOSTS: list([]),
  HTTP_FETCH_DENIED_HOSTS: list([]),
  /** Private address ranges that `http_fetch` may read, such as 10.1.0.0/16. */
  HTTP_FETCH_PRIVATE_RANGES: list([]),
})

/** The environment variables of a worker. */
export const schema = withRules(
  variables,
  ({ PROVIDERS }) => {
    if (PROVIDERS !== undefined) listedProviders(PROVIDERS)
    return []
  },
  ({ MCP_SERVERS }) => parseMcpServers(MCP_SERVERS).problems,
  ({ TOOLS_DIR }) =>
    TOOLS_DIR === undefined || existsSync(TOOLS_DIR)
      ? []
      : [
          `TOOLS_DIR: the folder ${TOOLS_DIR} does not exist; name the folder of your tools (docs/guides/write-a-tool.md)`,
        ],
  ({
    HTTP_FETCH_HOSTS: allowed = [],
    HTTP_FETCH_DENIED_HOSTS: denied = [],
    HTTP_FETCH_PRIVATE_RANGES: privateRanges = [],
  }) => fetchProblems({ allowed, denied, privateRanges }),
  ({ TENANT_BUDGETS }) => readTenantBudgets(TENANT_BUDGETS).problems,
  ({ TENANT_TOOLS }) => readTenantTools(TENANT_TOOLS).problems,
  ({ LLM_SILENCE_TIMEOUT_MS: silenceMs = 0, LLM_CALL_TIMEOUT_MS: callMs = Infinity }) =>
    silenceMs <= callMs
      ? []
      : [
          `LLM_SILENCE_TIMEOUT_MS: is ${silenceMs}, above LLM_CALL_TIMEOUT_MS (${callMs}); lower LLM_SILENCE_TIMEOUT_MS, or raise LLM_CALL_TIMEOUT_MS`,
        ],
)

/** The parsed configuration of a worker. */
export type WorkerConfig = Readonly<z.output<typeof schema>>
