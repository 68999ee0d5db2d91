import { askToDrain, openFleetClock, openOps, type Bus, type Store } from '@agentfleet/adapters'
import type { Adviser } from '@agentfleet/adviser'
import { followFleet } from '@agentfleet/control-plane'
import { openOrchestrator } from '@agentfleet/orchestrator'
import { STREAMS } from '@agentfleet/protocol'
import type { Service, ServiceContext } from '@agentfleet/runtime'
import type { RecoveryConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createRecovery } from './service.ts'

/** Dependencies of a recovery process. */
type Context = ServiceContext<RecoveryConfig> & {
  readonly bus: Bus
  readonly store: Store
  readonly adviser: Adviser
}

/** Creates recovery with the configured orchestrator. */
export async function build(given: Context): Promise<Service> {
  // What one replica writes into an incident, another one compares with its clock.
  const context = { ...given, clock: await openFleetClock(STREAMS.ops, given) }
  const { id, config, bus, clock, registry } = context
  const fleetView = followFleet(bus, clock)
  const orchestrator = await openOrchestrator(config, {
    ...context,
    latest: fleetView.fresh,
    drain: (nodeId) => askToDrain(bus, nodeId),
  })
  return createRecovery({
    ...context,
    instanceId: id,
    fleetView,
    orchestrator,
    ops: openOps(bus),
    metrics: createMetrics(registry),
  })
}
