import { needs, openOps } from '@agentfleet/adapters'
import { adviser } from '@agentfleet/adviser'
import { runService } from '@agentfleet/runtime'
import { allowancesOf, schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createLoadBalancer } from './service.ts'

const { bus, store, discovery } = needs
runService({
  name: 'load-balancer',
  schema,
  needs: { bus: bus('load-balancer'), store, discovery, adviser },
  worksWithout: ['store', 'discovery'],
  build: ({ id, config, registry, discovery: consul, ...context }) => {
    const own = { balancerId: id, claimKey: config.CLAIM_KEY, metrics: createMetrics(registry) }
    const parts = { ops: openOps(context.bus), allowances: allowancesOf(config) }
    return createLoadBalancer({ ...context, ...own, ...parts, registry: consul })
  },
})
