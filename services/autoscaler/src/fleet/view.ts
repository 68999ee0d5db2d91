import type { Ops } from '@agentfleet/adapters'
import {
  NO_SCALING_MEMORY,
  outlook,
  rememberScaling,
  type ClusterSnapshot,
  type ForecastMemory,
  type ScaleLimits,
} from '@agentfleet/domain'
import type { Figures } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import { handOnLearned, recallLearned, type Handed } from './learned.ts'
import type { AutoscalerMetrics } from '../metrics.ts'
import { countArrivals, observeCluster, type Observation } from './observe.ts'
import type { NodeProcess } from '../orchestrator/orchestrator.ts'
import { createProviderShare } from './provider-share.ts'
import type { Snapshots } from './snapshots.ts'

/** One look at everything. */
export interface Sight extends Observation {
  readonly nowMs: number
  readonly seen: ClusterSnapshot
  /** LLM calls of the last minute; the share that was turned away is the budget's. */
  readonly llmCalls: number
}

/**
 * The eyes of an autoscaler and what they remember, whether it leads or not.
 *
 * Invariants: every look is remembered, also that figures were missing; what was learned before this
 * process began is taken over once, and never over what it has seen itself.
 */
export interface Eyes {
  /** Reads what others learned; does so once, until it has worked. */
  learn(): Promise<void>
  /** `processes` is undefined when nobody could say what runs. */
  look(processes: readonly NodeProcess[] | undefined, handed: Handed | undefined): Sight
  forecast(): ForecastMemory
  /** Writes down what was learned, for whoever comes next. */
  handOn(): Promise<void>
}

/** Opens the eyes. */
export function createEyes(deps: {
  readonly service: string
  readonly ops: Pick<Ops, 'lastState' | 'record'>
  readonly snapshots: Snapshots
  readonly clock: Clock
  readonly metrics: AutoscalerMetrics
  readonly limits: ScaleLimits
}): Eyes {
  const { ops, service, snapshots, clock, metrics, limits } = deps
  const provider = createProviderShare()
  const arrivals = countArrivals()
  let memory = NO_SCALING_MEMORY
  let learned = false

  return {
    async learn() {
      if (learned) return
      memory = await recallLearned(ops, service, memory)
      learned = true
    },
    look(processes, handed) {
      const nowMs = clock.nowMs()
      const snapshot = snapshots.latest()
      const observed = observeCluster(processes ?? [], snapshot, nowMs)
      provider.observe(snapshot, clock.monotonicMs())
      const complete = observed.cluster.complete && processes !== undefined
      const { nodes, running, queued, slotsPerNode } = observed.cluster
      // By the time of its snapshot: between two ticks come one, two or three, and none is a jump.
      const atMs = snapshots.receivedAtMs()
      const sample =
        complete && snapshot !== undefined
          ? { atMs, nodes, running, queued, arrived: arrivals(snapshot) }
          : undefined
      if (sample === undefined || atMs !== memory.load.samples.at(-1)?.atMs) {
        memory = rememberScaling(memory, sample, slotsPerNode, limits)
      }
      const view = outlook(memory, limits, nowMs)
      const refusedShare = provider.throttledShare()
      metrics.nodes.set(nodes)
      metrics.throttled.set(refusedShare)
      const seen: ClusterSnapshot = {
        ...observed.cluster,
        complete,
        scaledOutAtMs: handed?.scaledOutAtMs ?? 0,
        scaledInAtMs: handed?.scaledInAtMs ?? 0,
        outlook: view,
        // Without a service time nobody can tell which queue is too long.
        attainment: view.serviceS === undefined ? undefined : 1 - view.lateShare,
        budget: { refusedShare, usedShare: 0 },
      }
      return { ...observed, nowMs, seen, llmCalls: provider.calls() }
    },
    forecast: () => memory.forecast,
    handOn: () => handOnLearned(ops, service, memory),
  }
}

/** What an outcome says of the cluster; undefined while its figures are missing. */
export function outcomeFigures({ seen, responseMs }: Sight): Figures | undefined {
  if (!seen.complete) return undefined
  return {
    nodes: seen.nodes,
    draining: seen.draining,
    queued: seen.queued,
    running: seen.running,
    utilisation: seen.running / Math.max(1, seen.nodes * seen.slotsPerNode),
    responseMs,
    throttledShare: seen.budget?.refusedShare ?? 0,
  }
}
