import { needs } from '@agentfleet/adapters'
import { runService } from '@agentfleet/runtime'
import { schema } from './config.ts'
import { providersOf } from './llm/provider-config.ts'
import { createWorker } from './service.ts'
import { nodeTools } from './tools/node-tools.ts'

const { bus, providerLimits: shared, discovery } = needs
runService({
  name: 'worker',
  schema,
  needs: { tools: nodeTools(process.env), bus: bus('worker'), shared, discovery },
  worksWithout: ['shared', 'discovery'],
  build: (context) => createWorker({ ...context, providers: providersOf(context.config) }),
})
