import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { connectProviderLimits, connectRegistry, connectServiceBus } from '@agentfleet/adapters'
import { timingOf } from '@agentfleet/domain'
import { loadConfig, runService } from '@agentfleet/runtime'
import { schema, type WorkerConfig } from './config.ts'
import { providersOf, tenantBudgetsOf } from './llm/provider-config.ts'
import { createWorker } from './service.ts'
import { openNodeTools } from './tools/node-tools.ts'

/** Where a team's tools lie when nothing else is said: in the image, `tools` beside `dist`. */
const TOOLS = fileURLToPath(new URL('../tools', import.meta.url))

runService(
  'worker',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    const providers = providersOf(config)
    const budgets = tenantBudgetsOf(config.TENANT_BUDGETS)
    const tools = closers.add(await openNodeTools({ ...toolsOf(config), log, random: Math.random }))
    const bus = closers.add(await connectServiceBus('worker', config, { log, closed: shutdown }))
    const shared = closers.add(await connectProviderLimits({ url: config.REDIS_URL, log }))
    const consul = connectRegistry({ url: config.CONSUL_URL, log })
    const worker = createWorker({
      bus,
      log,
      clock,
      random: Math.random,
      registry,
      config,
      timing: timingOf(base.TIME_SCALE),
      providers,
      budgets,
      shared,
      tools,
      logLevel: base.LOG_LEVEL,
      shutdown,
    })
    return {
      ...worker,
      register: (address) =>
        consul.register({ id: base.SERVICE_ID, name: 'agent-worker', ...address }),
    }
  },
  { schema },
)

function toolsOf(config: WorkerConfig) {
  return {
    dir: config.TOOLS_DIR ?? (existsSync(TOOLS) ? TOOLS : undefined),
    mcpServers: config.MCP_SERVERS,
    httpFetch: {
      allowed: config.HTTP_FETCH_HOSTS,
      denied: config.HTTP_FETCH_DENIED_HOSTS,
      privateRanges: config.HTTP_FETCH_PRIVATE_RANGES,
      bytesMax: config.HTTP_FETCH_BYTES_MAX,
      timeoutMs: config.HTTP_FETCH_TIMEOUT_MS,
    },
  }
}
