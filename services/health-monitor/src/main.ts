import { needs } from '@agentfleet/adapters'
import { runService } from '@agentfleet/runtime'
import { build } from './build.ts'
import { schema } from './config.ts'

const { bus, discovery } = needs
runService({
  name: 'health-monitor',
  schema,
  needs: { bus: bus('health-monitor'), discovery },
  build,
})
