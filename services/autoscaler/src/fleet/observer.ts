import type { Ops } from '@agentfleet/adapters'
import {
  NO_LEARNED_STATE,
  outlook,
  rememberScaling,
  type ClusterSnapshot,
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

/** One observation of the whole fleet. */
export interface FleetState extends Observation {
  readonly nowMs: number
  readonly seen: ClusterSnapshot
  /** LLM calls of the last minute, the base of the throttled share. */
  readonly llmCalls: number
}

/**
 * What an autoscaler observes and remembers, whether it leads or not.
 *
 * Invariants: it remembers every observation, including missing figures; it adopts the stored
 * learned state once, and never over its own observations.
 */
export type Observer = ReturnType<typeof createObserver>

/** Dependencies of an observer. */
export interface ObserverDeps {
  readonly ops: Pick<Ops, 'lastState' | 'record'>
  readonly fleetView: FleetView
  readonly clock: Clock
  readonly metrics: AutoscalerMetrics
  readonly limits: ScaleLimits
}

/** Creates an observer that has observed nothing yet. */
export function createObserver(deps: ObserverDeps & { readonly service: string }) {
  const { ops, service, fleetView, clock, metrics, limits } = deps
  const provider = createProviderShare()
  const arrivals = countArrivals()
  let learned = NO_LEARNED_STATE
  let loaded = false

  return {
    /** Reads the stored learned state; succeeds once and is repeated until then. */
    async learn(): Promise<void> {
      if (loaded) return
      learned = await loadLearnedState(ops, service, learned)
      loaded = true
    },
    /** Observes the fleet; `processes` is undefined if the list of processes is unknown. */
    look(
      processes: readonly NodeProcess[] | undefined,
      leaderState: LeaderState | undefined,
    ): FleetState {
      const nowMs = clock.nowMs()
      const snapshot = fleetView.fresh()
      const observed = observeCluster(processes ?? [], snapshot, nowMs)
      provider.observe(snapshot, clock.monotonicMs())
      const complete = observed.cluster.complete && processes !== undefined
      const { nodes, running, queued, slotsPerNode } = observed.cluster
      // Uses the time of the snapshot: one, two or three snapshots come between two ticks.
      const atMs = fleetView.receivedAtMs()
      const sample =
        complete && snapshot !== undefined
          ? { atMs, nodes, running, queued, arrived: arrivals(snapshot) }
          : undefined
      if (sample === undefined || atMs !== learned.load.samples.at(-1)?.atMs) {
        learned = rememberScaling(learned, sample, slotsPerNode, limits)
      }
      const view = outlook(learned, limits, nowMs)
      const throttledShare = provider.throttledShare()
      metrics.nodes.set(nodes)
      metrics.throttled.set(throttledShare)
      const seen: ClusterSnapshot = {
        ...observed.cluster,
        complete,
        scaledOutAtMs: leaderState?.scaledOutAtMs ?? 0,
        scaledInAtMs: leaderState?.scaledInAtMs ?? 0,
        outlook: view,
        // Without a service time it is unknown which queue is too long.
        attainment: view.serviceS === undefined ? undefined : 1 - view.lateShare,
        throttledShare,
      }
      return { ...observed, nowMs, seen, llmCalls: provider.calls() }
    },
    forecast: () => learned.forecast,
    /** Stores the learned state for the next leader. */
    saveLearned: () => saveLearnedState(ops, service, learned),
  }
}

/** Returns the figures of an outcome; undefined while figures are missing. */
export function outcomeFigures({ seen, responseMs }: FleetState): Figures | undefined {
  if (!seen.complete) return undefined
  return {
    nodes: seen.nodes,
    draining: seen.draining,
    queued: seen.queued,
    running: seen.running,
    utilisation: seen.running / Math.max(1, seen.nodes * seen.slotsPerNode),
    responseMs,
    throttledShare: seen.throttledShare ?? 0,
  }
}
