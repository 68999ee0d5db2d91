import { needs } from '@agentfleet/adapters'
import { adviser } from '@agentfleet/adviser'
import { runService } from '@agentfleet/runtime'
import { build } from './build.ts'
import { schema } from './config.ts'

const { bus, discovery } = needs
runService({
  name: 'autoscaler',
  schema,
  needs: { bus: bus('autoscaler'), discovery, adviser },
  build,
})
