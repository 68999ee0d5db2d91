import { needs } from '@agentfleet/adapters'
import { adviser } from '@agentfleet/adviser'
import { runService } from '@agentfleet/runtime'
import { build } from './build.ts'
import { schema } from './config.ts'

const { bus, store, discovery } = needs
runService({
  name: 'load-balancer',
  schema,
  needs: { bus: bus('load-balancer'), store, discovery, adviser },
  worksWithout: ['store', 'discovery'],
  build,
})
