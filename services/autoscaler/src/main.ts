import { askToDrain, connectServiceBus, connectRegistry, openOps } from '@agentfleet/adapters'
import { adviserSettings, createAdviser } from '@agentfleet/adviser'
import { SCALE_LIMITS, scaleLimitsAt, timingOf, type ScaleLimits } from '@agentfleet/domain'
import { openOrchestrator, orchestratorProblems } from '@agentfleet/orchestrator'
import { ConfigError, loadConfig, runService } from '@agentfleet/runtime'
import { createAdvising } from './deciding/advice.ts'
import { schema, type AutoscalerConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createAutoscaler } from './service.ts'
import { followSnapshots } from './fleet/snapshots.ts'

const LEADER_KEY = 'agentfleet/leader/autoscaler'

runService(
  'autoscaler',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    checkRelations(config)
    const metrics = createMetrics(registry)
    const bus = closers.add(
      await connectServiceBus('autoscaler', config, { log, closed: shutdown }),
    )
    const consul = connectRegistry({ url: config.CONSUL_URL, log })
    const leadership = closers.add(
      consul.lead(LEADER_KEY, { ttlMs: config.LEADER_TTL_MS, holder: base.SERVICE_ID }),
    )
    const adviser = closers.add(
      createAdviser({
        ...adviserSettings(config),
        clock,
        log,
        onAsked: ({ outcome }) => metrics.advice.inc({ outcome }),
      }),
    )
    const snapshots = followSnapshots(bus, clock)
    const autoscaler = createAutoscaler({
      ops: openOps(bus),
      orchestrator: await openOrchestrator(config, {
        latest: snapshots.latest,
        drain: (nodeId) => askToDrain(bus, nodeId),
        clock,
        log,
        random: Math.random,
      }),
      leadership,
      snapshots,
      advising: createAdvising(adviser),
      clock,
      log,
      metrics,
      instanceId: base.SERVICE_ID,
      intervalMs: config.SCALE_INTERVAL_MS,
      limits: limitsOf(config),
    })
    return {
      ...autoscaler,
      register: ({ host, port }) =>
        consul.register({ id: base.SERVICE_ID, name: 'agent-autoscaler', host, port }),
    }
  },
  { schema },
)

function limitsOf(config: AutoscalerConfig): ScaleLimits {
  const limits = scaleLimitsAt(timingOf(config.TIME_SCALE))
  return {
    ...limits,
    nodesMin: config.SCALE_MIN,
    nodesMax: config.SCALE_MAX,
    utilisationTarget: config.SCALE_TARGET,
    // Whoever aims higher than the usual bound has moved the bound.
    utilisationMax: Math.max(config.SCALE_TARGET, SCALE_LIMITS.utilisationMax),
    cooldownMs: config.SCALE_COOLDOWN_MS ?? limits.cooldownMs,
    scaleInWindowMs: config.SCALE_DOWN_WINDOW_MS ?? limits.scaleInWindowMs,
    scaleInEveryMs: config.SCALE_DOWN_EVERY_MS ?? limits.scaleInEveryMs,
    startupMs: config.SCALE_STARTUP_MS,
    waitTargetMs: config.SCALE_WAIT_TARGET_MS,
  }
}

/** What no single variable can say. */
function checkRelations(config: AutoscalerConfig): void {
  const problems = [...orchestratorProblems(config)]
  if (config.SCALE_MIN > config.SCALE_MAX) problems.push('SCALE_MIN: is above SCALE_MAX')
  if (problems.length > 0) throw new ConfigError(problems)
}
