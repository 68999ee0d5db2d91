import { needs, requireKnownFormats } from '@agentfleet/adapters'
import { STREAMS } from '@agentfleet/protocol'
import { runService } from '@agentfleet/runtime'
import { parseApiKeys, parseOperators, schema } from './config.ts'
import { createGateway } from './service.ts'

const { bus, store, usage, discovery } = needs
runService({
  name: 'gateway',
  schema,
  needs: { bus: bus('gateway'), store, usage, discovery },
  worksWithout: ['store', 'usage', 'discovery'],
  build: async (context) => {
    await requireKnownFormats(context.bus, [STREAMS.log, STREAMS.agents, STREAMS.schedules])
    const keys = parseApiKeys(context.config.API_KEYS)
    const operators = parseOperators(context.config.OPERATOR_TENANTS, keys)
    return createGateway({ ...context, keys, operators })
  },
})
