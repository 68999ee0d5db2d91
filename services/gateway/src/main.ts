import { needs, requireKnownFormats } from '@agentfleet/adapters'
import { runService } from '@agentfleet/runtime'
import { parseOperators, schema } from './config.ts'
import { createGateway } from './service.ts'

const { bus, store, usage, discovery, callerLimits } = needs
runService({
  name: 'gateway',
  schema,
  needs: { bus: bus('gateway'), store, usage, discovery, callerLimits },
  worksWithout: ['store', 'usage', 'discovery', 'callerLimits'],
  build: async (context) => {
    await requireKnownFormats(context.bus)
    const operators = parseOperators(context.config.OPERATOR_TENANTS, context.config)
    return createGateway({ ...context, operators })
  },
})
