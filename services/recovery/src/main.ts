import { askToDrain, needs, openOps } from '@agentfleet/adapters'
import { adviser } from '@agentfleet/adviser'
import { followFleet } from '@agentfleet/control-plane'
import { openOrchestrator } from '@agentfleet/orchestrator'
import { runService } from '@agentfleet/runtime'
import { schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createRecovery } from './service.ts'

runService({
  name: 'recovery',
  schema,
  needs: { bus: needs.bus('recovery'), store: needs.store, discovery: needs.discovery, adviser },
  build: async ({ id: instanceId, registry, bus, ...more }) => {
    const fleetView = followFleet(bus, more.clock)
    const context = { ...more, bus, instanceId, fleetView, ops: openOps(bus) }
    const drain = (nodeId: string) => askToDrain(bus, nodeId)
    const orchestrator = await openOrchestrator(more.config, { ...context, latest: fleetView.fresh, drain })
    return createRecovery({ ...context, orchestrator, metrics: createMetrics(registry) })
  },
})
