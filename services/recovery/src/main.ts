import { askToDrain, needs, openOps } from '@agentfleet/adapters'
import { adviser } from '@agentfleet/adviser'
import { followFleet } from '@agentfleet/control-plane'
import { openOrchestrator } from '@agentfleet/orchestrator'
import { runService } from '@agentfleet/runtime'
import { schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createRecovery } from './service.ts'

const { bus, store, discovery } = needs
runService({
  name: 'recovery',
  schema,
  needs: { bus: bus('recovery'), store, discovery, adviser },
  build: async ({ id: instanceId, config, registry, ...context }) => {
    const fleetView = followFleet(context.bus, context.clock)
    const drain = (nodeId: string) => askToDrain(context.bus, nodeId)
    const acts = { ...context, latest: fleetView.fresh, drain }
    const orchestrator = await openOrchestrator(config, acts)
    const own = { instanceId, fleetView, orchestrator, ops: openOps(context.bus) }
    return createRecovery({ ...context, ...own, metrics: createMetrics(registry) })
  },
})
