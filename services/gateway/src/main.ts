import { connectBus, connectRegistry, connectStore } from '@agentfleet/adapters'
import { inboxPrefix } from '@agentfleet/protocol'
import { loadConfig, runService } from '@agentfleet/runtime'
import { gatewayEnv, parseApiKeys } from './config.ts'
import { createGateway } from './service.ts'

runService(
  'gateway',
  async ({ env, log, clock, registry, closers }) => {
    const config = loadConfig(gatewayEnv, env)
    const keys = parseApiKeys(config.API_KEYS)
    const bus = await connectBus({
      url: config.NATS_URL,
      user: config.NATS_USER,
      password: config.NATS_PASSWORD,
      name: config.SERVICE_ID,
      inboxPrefix: inboxPrefix('gateway'),
      log,
    })
    closers.add(bus)
    const store = closers.add(await connectStore({ url: config.REDIS_URL, log }))
    const discovery = connectRegistry({ url: config.CONSUL_URL, log })
    return createGateway({ bus, store, discovery, config, keys, clock, log, registry })
  },
  { schema: gatewayEnv },
)
