import { needs } from '@agentfleet/adapters'
import { adviser } from '@agentfleet/adviser'
import { runService } from '@agentfleet/runtime'
import { build } from './build.ts'
import { schema } from './config.ts'

const { bus, store, discovery } = needs
runService({
  name: 'recovery',
  schema,
  needs: { bus: bus('recovery'), store, discovery, adviser },
  build,
})
