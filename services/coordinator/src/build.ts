import {
  openIdentities,
  openPointers,
  openSchedules,
  openTaskLog,
  provisionStreams,
  type Bus,
  type Store,
  type UsageTotals,
} from '@agentfleet/adapters'
import { readTenantLimits } from '@agentfleet/protocol'
import type { Service, ServiceContext } from '@agentfleet/runtime'
import type { CoordinatorConfig } from './config.ts'
import { createVouching } from './identity/service.ts'
import { createMetrics } from './metrics.ts'
import { createCoordinator } from './service.ts'

/** Bytes. A week of deaths, decisions and incidents takes a few hundred megabytes; the oldest leave first. */
const OPS_MAX_BYTES = 1024 ** 3

/** Milliseconds. Clients that follow a task, and tasks that depend on it, read its result within this time. */
const KEPT_AT_LEAST_MS = 600_000

/** Dependencies of a coordinator process. */
type Context = ServiceContext<CoordinatorConfig> & {
  readonly bus: Bus
  readonly store: Store
  readonly usage: UsageTotals
}

/** Creates the streams that all services use, and a coordinator. */
export async function build(context: Context): Promise<Service> {
  const { config, log, bus, timing, registry } = context
  const sizes = {
    logMaxBytes: config.LOG_MAX_BYTES,
    tasksMaxBytes: config.TASKS_MAX_BYTES,
    opsMaxBytes: OPS_MAX_BYTES,
    replicas: config.STREAM_REPLICAS,
  }
  const provision = () => provisionStreams(bus, sizes, log, timing)
  await provision()
  const vouching = createVouching({
    ...context,
    identities: openIdentities(bus),
    nodePassword: config.NODE_PASSWORD,
    issuerSeed: config.NATS_ISSUER_SEED,
  })
  return createCoordinator({
    ...context,
    vouching,
    taskLog: openTaskLog(bus),
    pointers: openPointers(bus),
    schedules: openSchedules(bus),
    metrics: createMetrics(registry),
    giveUp: context.shutdown,
    provision,
    claimKey: config.CLAIM_KEY,
    retentionMs: config.RETENTION_MS,
    retentionTasks: config.RETENTION_TASKS,
    keptAtLeastMs: Math.min(KEPT_AT_LEAST_MS, config.RETENTION_MS),
    metadataKeys: config.USAGE_METADATA_KEYS,
    limits: readTenantLimits(config.TENANT_LIMITS).value,
  })
}
