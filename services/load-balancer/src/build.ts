import { openFleetClock, openOps, type Bus, type Registry, type Store } from '@agentfleet/adapters'
import type { Adviser } from '@agentfleet/adviser'
import { readTenantLimits, STREAMS } from '@agentfleet/protocol'
import type { Service, ServiceContext } from '@agentfleet/runtime'
import type { BalancerConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createLoadBalancer } from './service.ts'

/** Dependencies of a load balancer process. */
type Context = ServiceContext<BalancerConfig> & {
  readonly bus: Bus
  readonly store: Store
  readonly discovery: Registry
  readonly adviser: Adviser
}

/** Creates a load balancer that compares deadlines, and takes turns with others, by the time of the log. */
export async function build(context: Context): Promise<Service> {
  const { id, bus, config, registry } = context
  return createLoadBalancer({
    ...context,
    clock: await openFleetClock(STREAMS.tasks, context),
    balancerId: id,
    claimKey: config.CLAIM_KEY,
    metrics: createMetrics(registry),
    ops: openOps(bus),
    allowances: readTenantLimits(config.TENANT_LIMITS).value,
    registry: context.discovery,
  })
}
