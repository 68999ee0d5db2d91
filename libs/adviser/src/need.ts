import type { ServiceContext } from '@agentfleet/runtime'
import { createAdviser, type Adviser } from './adviser.ts'
import { createMetrics } from './metrics.ts'
import { adviserSettings, type AdviserVariables } from './settings.ts'

/** The adviser of a service, as a need of the runtime; counts its questions by outcome. */
export function adviser({
  config,
  clock,
  log,
  registry,
}: Pick<ServiceContext<AdviserVariables>, 'config' | 'clock' | 'log' | 'registry'>): Adviser {
  const { asked } = createMetrics(registry)
  return createAdviser({
    ...adviserSettings(config),
    clock,
    log,
    onAsked: ({ outcome }) => asked.inc({ outcome }),
  })
}
