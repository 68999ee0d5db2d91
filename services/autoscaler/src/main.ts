import { connectServiceBus, connectRegistry, openOps } from '@agentfleet/adapters'
import { SCALE_LIMITS } from '@agentfleet/domain'
import { ConfigError, loadConfig, runService } from '@agentfleet/runtime'
import { schema, type AutoscalerConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createLocalOrchestrator } from './local.ts'
import type { Orchestrator } from './orchestrator.ts'
import { createRecommender } from './recommend.ts'
import { createAutoscaler } from './service.ts'
import { followSnapshots } from './snapshots.ts'

const LEADER_KEY = 'agentfleet/leader/autoscaler'

runService(
  'autoscaler',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    checkRelations(config)
    const bus = closers.add(
      await connectServiceBus('autoscaler', config, { log, closed: shutdown }),
    )
    const consul = connectRegistry({ url: config.CONSUL_URL, log })
    const leadership = closers.add(
      consul.lead(LEADER_KEY, { ttlMs: config.LEADER_TTL_MS, holder: base.SERVICE_ID }),
    )
    const snapshots = followSnapshots(bus, clock)
    const { ORCHESTRATOR_URL: url, ORCHESTRATOR_TOKEN: token } = config
    const orchestrator: Orchestrator =
      config.DRIVER === 'local' && url !== undefined
        ? createLocalOrchestrator({ bus, url, token, log })
        : createRecommender(snapshots.latest)
    const autoscaler = createAutoscaler({
      ops: openOps(bus),
      orchestrator,
      leadership,
      snapshots,
      clock,
      log,
      metrics: createMetrics(registry),
      instanceId: base.SERVICE_ID,
      intervalMs: config.SCALE_INTERVAL_MS,
      windowMs: config.SCALE_DOWN_WINDOW_MS,
      limits: {
        ...SCALE_LIMITS,
        nodesMin: config.SCALE_MIN,
        nodesMax: config.SCALE_MAX,
        utilisationTarget: config.SCALE_TARGET,
        cooldownMs: config.SCALE_COOLDOWN_MS,
      },
    })
    return {
      ...autoscaler,
      register: ({ host, port }) =>
        consul.register({ id: base.SERVICE_ID, name: 'agent-autoscaler', host, port }),
    }
  },
  { schema },
)

/** What no single variable can say. */
function checkRelations(config: AutoscalerConfig): void {
  const problems: string[] = []
  if (config.SCALE_MIN > config.SCALE_MAX) problems.push('SCALE_MIN: is above SCALE_MAX')
  if (config.DRIVER === 'local' && config.ORCHESTRATOR_URL === undefined) {
    problems.push('ORCHESTRATOR_URL: is not set; DRIVER=local needs it')
  }
  if (problems.length > 0) throw new ConfigError(problems)
}
