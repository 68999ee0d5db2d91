import type { Ops } from '@agentfleet/adapters'
import {
  NO_LEARNED_STATE,
  outlook,
  rememberScaling,
  type ClusterSnapshot,
  type ForecastState,
  type ScaleLimits,
} from '@agentfleet/domain'
import type { FleetView } from '@agentfleet/control-plane'
import type { NodeProcess } from '@agentfleet/orchestrator'
import type { Figures } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import { saveLearnedState, loadLearnedState, type LeaderState } from './learned.ts'
import type { AutoscalerMetrics } from '../metrics.ts'
import { countArrivals, observeCluster, type Observation } from './observe.ts'
import { createProviderShare } from './provider-share.ts'

/** One look at everything. */
export interface FleetState extends Observation {
  readonly nowMs: number
  readonly seen: ClusterSnapshot
  /** LLM calls of the last minute; the share that was turned away is the budget's. */
  readonly llmCalls: number
}

/**
 * What an autoscaler sees and remembers, whether it leads or not.
 *
 * Invariants: every look is remembered, also that figures were missing; what was learned before this
 * process began is taken over once, and never over what it has seen itself.
 */
export interface Observer {
  /** Reads what others learned; does so once, until it has worked. */
  learn(): Promise<void>
  /** `processes` is undefined when nobody could say what runs. */
  look(
    processes: readonly NodeProcess[] | undefined,
    leaderState: LeaderState | undefined,
  ): FleetState
  forecast(): ForecastState
  /** Writes down what was learned, for whoever comes next. */
  saveLearned(): Promise<void>
}

/** Sees nothing before the first look. */
export function createObserver(deps: {
  readonly service: string
  readonly ops: Pick<Ops, 'lastState' | 'record'>
  readonly fleetView: FleetView
  readonly clock: Clock
  readonly metrics: AutoscalerMetrics
  readonly limits: ScaleLimits
}): Observer {
  const { ops, service, fleetView, clock, metrics, limits } = deps
  const provider = createProviderShare()
  const arrivals = countArrivals()
  let memory = NO_LEARNED_STATE
  let learned = false

  return {
    async learn() {
      if (learned) return
      memory = await loadLearnedState(ops, service, memory)
      learned = true
    },
    look(processes, leaderState) {
      const nowMs = clock.nowMs()
      const snapshot = fleetView.fresh()
      const observed = observeCluster(processes ?? [], snapshot, nowMs)
      provider.observe(snapshot, clock.monotonicMs())
      const complete = observed.cluster.complete && processes !== undefined
      const { nodes, running, queued, slotsPerNode } = observed.cluster
      // By the time of its snapshot: between two ticks come one, two or three, and none is a jump.
      const atMs = fleetView.receivedAtMs()
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
        scaledOutAtMs: leaderState?.scaledOutAtMs ?? 0,
        scaledInAtMs: leaderState?.scaledInAtMs ?? 0,
        outlook: view,
        // Without a service time nobody can tell which queue is too long.
        attainment: view.serviceS === undefined ? undefined : 1 - view.lateShare,
        budget: { refusedShare, usedShare: 0 },
      }
      return { ...observed, nowMs, seen, llmCalls: provider.calls() }
    },
    forecast: () => memory.forecast,
    saveLearned: () => saveLearnedState(ops, service, memory),
  }
}

/** What an outcome says of the cluster; undefined while its figures are missing. */
export function outcomeFigures({ seen, responseMs }: FleetState): Figures | undefined {
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
