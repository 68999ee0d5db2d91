import { connectServiceBus, connectRegistry, connectStore, openOps } from '@agentfleet/adapters'
import { adviserSettings, createAdviser } from '@agentfleet/adviser'
import { timingOf } from '@agentfleet/domain'
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
    const metrics = createMetrics(registry)
    const adviser = closers.add(
      createAdviser({
        ...adviserSettings(config),
        clock,
        log,
        onAsked: ({ outcome }) => metrics.advice.inc({ outcome }),
      }),
    )
    const balancer = createLoadBalancer({
      bus,
      ops: openOps(bus),
      store,
      registry: consul,
      adviser,
      clock,
      logger: log,
      metrics,
      random: Math.random,
      timing: timingOf(config.TIME_SCALE),
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
