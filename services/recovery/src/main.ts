import { connectServiceBus, connectRegistry, connectStore, openOps } from '@agentfleet/adapters'
import { adviserSettings, createAdviser } from '@agentfleet/adviser'
import { timingOf } from '@agentfleet/domain'
import { loadConfig, runService } from '@agentfleet/runtime'
import { schema, type RecoveryConfig } from './config.ts'
import { createLocalOrchestrator } from './orchestrator/local.ts'
import { createMetrics } from './metrics.ts'
import { createRecommender, type Orchestrator } from './orchestrator/orchestrator.ts'
import { createRecovery } from './service.ts'

runService(
  'recovery',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    const bus = closers.add(await connectServiceBus('recovery', config, { log, closed: shutdown }))
    const store = closers.add(await connectStore({ url: config.REDIS_URL, log }))
    const consul = connectRegistry({ url: config.CONSUL_URL, log })
    const metrics = createMetrics(registry)
    const adviser = closers.add(
      createAdviser({
        ...adviserSettings(config),
        clock,
        log,
        onAsked: ({ outcome }) => metrics.advice.inc({ outcome }),
      }),
    )
    const recovery = createRecovery({
      bus,
      ops: openOps(bus),
      store,
      clock,
      log,
      instanceId: base.SERVICE_ID,
      metrics,
      orchestrator: await orchestratorOf(config),
      adviser,
      timing: timingOf(config.TIME_SCALE),
    })
    return {
      ...recovery,
      register: ({ host, port }) =>
        consul.register({ id: base.SERVICE_ID, name: 'agent-recovery', host, port }),
    }
  },
  { schema },
)

async function orchestratorOf(config: RecoveryConfig): Promise<Orchestrator> {
  const { DRIVER: driver, ORCHESTRATOR_URL: url, ORCHESTRATOR_TOKEN: token } = config
  if (driver === 'local' && url !== undefined) return createLocalOrchestrator({ url, token })
  if (driver !== 'kubernetes') return createRecommender()
  // The client of a cluster costs time and memory that only a process in a cluster has to pay.
  const { createKubernetes } = await import('./orchestrator/kubernetes.ts')
  return createKubernetes({
    namespace: config.K8S_NAMESPACE,
    app: config.K8S_APP,
    apiUrl: config.K8S_API_URL,
    tokenFile: config.K8S_TOKEN_FILE,
    caFile: config.K8S_CA_FILE,
  })
}
