import { needs } from '@agentfleet/adapters'
import { runService } from '@agentfleet/runtime'
import { build } from './build.ts'
import { schema } from './config.ts'

const { bus, store, usage, discovery } = needs
runService({
  name: 'coordinator',
  schema,
  needs: { bus: bus('coordinator'), store, usage, discovery },
  build,
})
