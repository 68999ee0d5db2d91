import { needs } from '@agentfleet/adapters'
import { runService } from '@agentfleet/runtime'
import { build } from './build.ts'
import { schema } from './config.ts'

const { bus, store, usage, discovery, callerLimits } = needs
runService({
  name: 'gateway',
  schema,
  needs: { bus: bus('gateway'), store, usage, discovery, callerLimits },
  worksWithout: ['store', 'usage', 'discovery', 'callerLimits'],
  build,
})
