import { openFleetClock, openOps, type Bus, type Registry } from '@agentfleet/adapters'
import { STREAMS } from '@agentfleet/protocol'
import type { Service, ServiceContext } from '@agentfleet/runtime'
import { createMetrics } from './metrics.ts'
import { createHealthMonitor } from './service.ts'

/** Dependencies of a health monitor process. */
type Context = ServiceContext & { readonly bus: Bus; readonly discovery: Registry }

/** Creates a health monitor that dates deaths and figures by the time of the log. */
export async function build(context: Context): Promise<Service> {
  const { id, bus, registry } = context
  return createHealthMonitor({
    ...context,
    clock: await openFleetClock(STREAMS.tasks, context),
    monitorId: id,
    ops: openOps(bus),
    metrics: createMetrics(registry),
    registry: context.discovery,
  })
}
