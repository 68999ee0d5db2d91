import {
  connectServiceBus,
  connectRegistry,
  connectStore,
  connectUsageTotals,
  openPointers,
  openSchedules,
  openTaskLog,
  provisionStreams,
} from '@agentfleet/adapters'
import { timingOf } from '@agentfleet/domain'
import { loadConfig, runService } from '@agentfleet/runtime'
import { schema } from './config.ts'
import { createMetrics } from './metrics.ts'
import { createCoordinator } from './service.ts'

runService(
  'coordinator',
  async ({ env, base, log, clock, registry, closers, shutdown }) => {
    const config = loadConfig(schema, env)
    const timing = timingOf(config.TIME_SCALE)
    const bus = closers.add(
      await connectServiceBus('coordinator', config, { log, closed: shutdown }),
    )
    await provisionStreams(
      bus,
      {
        logMaxBytes: config.LOG_MAX_BYTES,
        tasksMaxBytes: config.TASKS_MAX_BYTES,
        opsMaxBytes: config.OPS_MAX_BYTES,
        replicas: config.STREAM_REPLICAS,
      },
      log,
      timing,
    )
    const store = closers.add(await connectStore({ url: config.REDIS_URL, log }))
    const usage = closers.add(await connectUsageTotals({ url: config.REDIS_URL, log }))
    const consul = connectRegistry({ url: config.CONSUL_URL, log })
    const coordinator = createCoordinator({
      bus,
      taskLog: openTaskLog(bus),
      pointers: openPointers(bus),
      schedules: openSchedules(bus),
      store,
      usage,
      clock,
      log,
      metrics: createMetrics(registry),
      claimKey: config.CLAIM_KEY,
      retentionMs: config.RETENTION_MS,
      timing,
    })
    return {
      ...coordinator,
      register: ({ host, port }) =>
        consul.register({ id: base.SERVICE_ID, name: 'agent-coordinator', host, port }),
    }
  },
  { schema },
)
