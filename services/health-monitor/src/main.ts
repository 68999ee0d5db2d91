import { needs, openOps } from '@agentfleet/adapters'
import { runService } from '@agentfleet/runtime'
import { schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createHealthMonitor } from './service.ts'

runService({
  name: 'health-monitor',
  schema,
  needs: { bus: needs.bus('health-monitor'), discovery: needs.discovery },
  build: ({ id, config, registry, discovery, ...context }) => {
    const { MONITOR_INTERVAL_MS: intervalMs, MONITOR_STALL_MS: stallMs } = config
    const metrics = createMetrics(registry)
    const own = { registry: discovery, ops: openOps(context.bus), metrics, monitorId: id }
    return createHealthMonitor({ ...context, ...own, intervalMs, stallMs })
  },
})
