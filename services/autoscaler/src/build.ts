import { askToDrain, openFleetClock, openOps, type Bus, type Registry } from '@agentfleet/adapters'
import type { Adviser } from '@agentfleet/adviser'
import { followFleet } from '@agentfleet/control-plane'
import { SCALE_LIMITS, scaleLimitsAt, type ScaleLimits, type Timing } from '@agentfleet/domain'
import { openOrchestrator } from '@agentfleet/orchestrator'
import { LEADER_KEY, STREAMS } from '@agentfleet/protocol'
import type { Service, ServiceContext } from '@agentfleet/runtime'
import type { AutoscalerConfig } from './config.ts'
import { createAdvising } from './deciding/advice.ts'
import { createMetrics } from './metrics.ts'
import { createAutoscaler } from './service.ts'

/**
 * Milliseconds; Consul's minimum, so that another replica takes over from a dead leader as early as possible.
 */
const LEADER_TTL_MS = 10_000

/** Dependencies of an autoscaler process. */
type Context = ServiceContext<AutoscalerConfig> & {
  readonly bus: Bus
  readonly discovery: Registry
  readonly adviser: Adviser
}

/** Creates an autoscaler that competes for the one leadership. */
export async function build(given: Context): Promise<Service> {
  // A new leader compares the times of the last one with its clock.
  const context = { ...given, clock: await openFleetClock(STREAMS.ops, given) }
  const { id, config, bus, clock, discovery } = context
  const lead = { ttlMs: LEADER_TTL_MS, holder: id }
  const fleetView = followFleet(bus, clock)
  const orchestrator = await openOrchestrator(config, {
    ...context,
    latest: fleetView.fresh,
    drain: (nodeId) => askToDrain(bus, nodeId),
  })
  return createAutoscaler({
    ...context,
    ops: openOps(bus),
    orchestrator,
    leadership: context.closers.add(discovery.lead(LEADER_KEY, lead)),
    fleetView,
    advising: createAdvising(context.adviser),
    metrics: createMetrics(context.registry),
    instanceId: id,
    intervalMs: config.SCALE_INTERVAL_MS,
    limits: limitsOf(config, context.timing),
  })
}

function limitsOf(config: AutoscalerConfig, timing: Timing): ScaleLimits {
  const limits = scaleLimitsAt(timing)
  return {
    ...limits,
    nodesMin: config.SCALE_MIN,
    nodesMax: config.SCALE_MAX,
    utilisationTarget: config.SCALE_TARGET,
    // A configured target above the default bound raises the bound.
    utilisationMax: Math.max(config.SCALE_TARGET, SCALE_LIMITS.utilisationMax),
    cooldownMs: config.SCALE_COOLDOWN_MS ?? limits.cooldownMs,
    scaleInWindowMs: config.SCALE_DOWN_WINDOW_MS ?? limits.scaleInWindowMs,
    scaleInEveryMs: config.SCALE_DOWN_EVERY_MS ?? limits.scaleInEveryMs,
    startupMs: config.SCALE_STARTUP_MS,
    waitTargetMs: config.SCALE_WAIT_TARGET_MS,
  }
}
