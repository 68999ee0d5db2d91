import { needs, openOps } from '@agentfleet/adapters'
import { runService } from '@agentfleet/runtime'
import { schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createHealthMonitor } from './service.ts'

const { bus, discovery } = needs
runService({
  name: 'health-monitor',
  schema,
  needs: { bus: bus('health-monitor'), discovery },
  build: ({ id, registry, discovery: consul, ...context }) => {
    const own = { monitorId: id, ops: openOps(context.bus), metrics: createMetrics(registry) }
    return createHealthMonitor({ ...context, ...own, registry: consul })
  },
})
