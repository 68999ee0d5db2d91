import { connectServiceBus, connectRegistry, connectStore } from '@agentfleet/adapters'
import { loadConfig, runService } from '@agentfleet/runtime'
import { parseTenantLimits, schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createLoadBalancer } from './service.ts'

runService(
  'load-balancer',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    const bus = closers.add(
      await connectServiceBus('load-balancer', config, { log, closed: shutdown }),
    )
    const store = closers.add(await connectStore({ url: config.REDIS_URL, log }))
    const consul = connectRegistry({ url: config.CONSUL_URL, log })
    const balancer = createLoadBalancer({
      bus,
      store,
      registry: consul,
      clock,
      logger: log,
      metrics: createMetrics(registry),
      balancerId: base.SERVICE_ID,
      claimKey: config.CLAIM_KEY,
      allowances: parseTenantLimits(config.TENANT_LIMITS),
    })
    return {
      ...balancer,
      register: ({ host, port }) =>
        consul.register({ id: base.SERVICE_ID, name: 'agent-load-balancer', host, port }),
    }
  },
  { schema },
)
