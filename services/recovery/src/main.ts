import { connectServiceBus, connectRegistry, connectStore, openOps } from '@agentfleet/adapters'
import { loadConfig, runService } from '@agentfleet/runtime'
import { schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createReplacer } from './replacer.ts'
import { createRecovery } from './service.ts'

runService(
  'recovery',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    const bus = closers.add(await connectServiceBus('recovery', config, { log, closed: shutdown }))
    const store = closers.add(await connectStore({ url: config.REDIS_URL, log }))
    const consul = connectRegistry({ url: config.CONSUL_URL, log })
    const { ORCHESTRATOR_URL: url, ORCHESTRATOR_TOKEN: token } = config
    const recovery = createRecovery({
      bus,
      ops: openOps(bus),
      store,
      clock,
      log,
      instanceId: base.SERVICE_ID,
      metrics: createMetrics(registry),
      replacer: url === undefined ? undefined : createReplacer({ url, token }),
    })
    return {
      ...recovery,
      register: ({ host, port }) =>
        consul.register({ id: base.SERVICE_ID, name: 'agent-recovery', host, port }),
    }
  },
  { schema },
)
