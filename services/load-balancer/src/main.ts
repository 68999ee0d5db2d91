import { needs, openOps } from '@agentfleet/adapters'
import { adviser } from '@agentfleet/adviser'
import { runService } from '@agentfleet/runtime'
import { parseTenantLimits, schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createLoadBalancer } from './service.ts'

const { bus, store, discovery } = needs
runService({
  name: 'load-balancer',
  schema,
  needs: { bus: bus('load-balancer'), store, discovery, adviser },
  build: ({ id, config, registry, discovery: consul, ...context }) => {
    const own = { balancerId: id, ops: openOps(context.bus), metrics: createMetrics(registry) }
    const { CLAIM_KEY: claimKey, TENANT_LIMITS: limits } = config
    const tenants = { claimKey, allowances: parseTenantLimits(limits) }
    return createLoadBalancer({ ...context, ...own, ...tenants, registry: consul })
  },
})
