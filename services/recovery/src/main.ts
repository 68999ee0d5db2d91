import {
  askToDrain,
  connectServiceBus,
  connectRegistry,
  connectStore,
  openOps,
} from '@agentfleet/adapters'
import { adviserSettings, createAdviser } from '@agentfleet/adviser'
import { timingOf } from '@agentfleet/domain'
import { openOrchestrator, orchestratorProblems } from '@agentfleet/orchestrator'
import { ConfigError, loadConfig, runService } from '@agentfleet/runtime'
import { schema, type RecoveryConfig } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createRecovery } from './service.ts'

runService(
  'recovery',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    checkRelations(config)
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
      orchestrator: await openOrchestrator(config, {
        latest: () => undefined,
        drain: (nodeId) => askToDrain(bus, nodeId),
        clock,
        log,
        random: Math.random,
      }),
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

/** What no single variable can say. */
function checkRelations(config: RecoveryConfig): void {
  const problems = orchestratorProblems(config)
  if (problems.length > 0) throw new ConfigError(problems)
}
