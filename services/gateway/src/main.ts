import { needs } from '@agentfleet/adapters'
import { runService } from '@agentfleet/runtime'
import { parseApiKeys, parseOperators, schema } from './config.ts'
import { createGateway } from './service.ts'

const { bus, store, usage, discovery } = needs
runService({
  name: 'gateway',
  schema,
  needs: { bus: bus('gateway'), store, usage, discovery },
  build: (context) => {
    const keys = parseApiKeys(context.config.API_KEYS)
    const operators = parseOperators(context.config.OPERATOR_TENANTS, keys)
    return createGateway({ ...context, keys, operators })
  },
})
