import { connectServiceBus, connectRegistry, openOps } from '@agentfleet/adapters'
import { loadConfig, runService } from '@agentfleet/runtime'
import { schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createHealthMonitor } from './service.ts'

runService(
  'health-monitor',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    const bus = closers.add(
      await connectServiceBus('health-monitor', config, { log, closed: shutdown }),
    )
    const consul = connectRegistry({ url: config.CONSUL_URL, log })
    const monitor = createHealthMonitor({
      bus,
      ops: openOps(bus),
      registry: consul,
      clock,
      log,
      metrics: createMetrics(registry),
      monitorId: base.SERVICE_ID,
      intervalMs: config.MONITOR_INTERVAL_MS,
      stallMs: config.MONITOR_STALL_MS,
    })
    return {
      ...monitor,
      register: ({ host, port }) =>
        consul.register({ id: base.SERVICE_ID, name: 'agent-health-monitor', host, port }),
    }
  },
  { schema },
)
