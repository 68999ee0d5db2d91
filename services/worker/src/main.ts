import { connectServiceBus, connectRegistry } from '@agentfleet/adapters'
import { loadConfig, runService } from '@agentfleet/runtime'
import { schema } from './config.ts'
import { createWorker } from './service.ts'

runService(
  'worker',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    const bus = closers.add(await connectServiceBus('worker', config, { log, closed: shutdown }))
    const consul = connectRegistry({ url: config.CONSUL_URL, log })
    const worker = createWorker({
      bus,
      log,
      clock,
      random: Math.random,
      registry,
      config,
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
