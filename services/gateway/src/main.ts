import {
  connectRegistry,
  connectServiceBus,
  connectStore,
  connectUsageTotals,
} from '@agentfleet/adapters'
import { loadConfig, runService } from '@agentfleet/runtime'
import { parseOperators } from './http/auth.ts'
import { gatewayEnv, parseApiKeys } from './config.ts'
import { createGateway } from './service.ts'

runService(
  'gateway',
  async ({ env, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(gatewayEnv, env)
    const keys = parseApiKeys(config.API_KEYS)
    const operators = parseOperators(config.OPERATOR_TENANTS, keys)
    const bus = await connectServiceBus('gateway', config, { log, closed: shutdown })
    closers.add(bus)
    const store = closers.add(await connectStore({ url: config.REDIS_URL, log }))
    const usage = closers.add(await connectUsageTotals({ url: config.REDIS_URL, log }))
    const discovery = connectRegistry({ url: config.CONSUL_URL, log })
    return createGateway({
      bus,
      store,
      usage,
      discovery,
      config,
      keys,
      operators,
      clock,
      log,
      registry,
    })
  },
  { schema: gatewayEnv },
)
