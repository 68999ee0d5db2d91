import { adviceInForce, type ScaleAdvice } from './advice.ts'
import type { ScaleLimits } from './limits.ts'
import type { Outlook } from './learned.ts'
import { nodesFor, staffedNodes } from './staffing.ts'

/** The cluster as the autoscaler sees it. */
export interface ClusterSnapshot {
  /** Nodes that serve or are starting, without draining and dead ones. */
  readonly nodes: number
  readonly draining: number
  /** Serving or starting nodes without figures: they count as full for a scale-in, as idle for a scale-out. */
  readonly missing: number
  readonly slotsPerNode: number
  readonly running: number
  readonly queued: number
  /** False when figures are missing: the autoscaler then never shrinks the fleet. */
  readonly complete: boolean
  /** Times of the last changes; they outlive the process that made them. */
  readonly scaledOutAtMs: number
  readonly scaledInAtMs: number
  /** The readings of the windows and of the forecast. */
  readonly outlook: Outlook
  /** Share of the provider's recent answers that were 429: more nodes do not help against its limit. */
  readonly throttledShare?: number | undefined
  readonly advice?: ScaleAdvice | undefined
  /** Share of the last hour's tasks that started in time; undefined when unknown. */
  readonly attainment?: number | undefined
}

/** What each demand or bound says about its node count. */
const REASONS = {
  reactive: 'this many nodes meet the demand at the target utilization',
  floor: 'this many nodes meet the demand minus the tolerance (dead band)',
  full: 'the demand fills all slots of this many nodes',
  arrivals: 'this many nodes can run the tasks that arrive now',
  queue: 'this many nodes can run the tasks that would otherwise wait too long',
  window: 'the policy wanted this many nodes within its window',
  panic: 'this many nodes meet the demand of the last seconds (panic window)',
  advice: 'advised',
} as const

/** One demand for a node count, or a bound of it. */
interface ScaleOption {
  readonly kind: keyof typeof REASONS | 'forecast'
  readonly nodes: number
  readonly reason: string
}

/** An absolute node count with its reason; acting on it twice changes nothing. */
export interface ScaleDecision {
  readonly kind: 'scale-out' | 'scale-in' | 'hold'
  readonly nodes: number
  readonly reason: string
  /** The wanted count before windows, steps and cooldowns. */
  readonly wanted: number
  /** All demands and bounds, for the record. */
  readonly options: readonly ScaleOption[]
  /** Growth is wanted and would not help: gateways should admit fewer tasks. */
  readonly backpressure: boolean
}

/** Forecasts and counts have their own headroom: they may fill every slot. */
const PLANNED_FULL = 1

/** Grows at once and shrinks slowly: `weigh` gives the wanted count, then the guards follow in this order. */
export function decideScale(
  cluster: ClusterSnapshot,
  limits: ScaleLimits,
  nowMs: number,
): ScaleDecision {
  const { nodes, outlook } = cluster
  const advice = adviceInForce(cluster.advice, cluster.attainment, limits, nowMs)
  const blind = !cluster.complete || cluster.slotsPerNode <= 0
  const options = blind ? [] : weigh(cluster, advice, limits)
  const asked = options.filter(({ kind }) => kind !== 'window')
  const bounded = (count: number): number =>
    Math.min(limits.nodesMax, Math.max(limits.nodesMin, count))
  const wanted = asked.length === 0 ? nodes : bounded(Math.max(...asked.map((one) => one.nodes)))
  const decided = (
    kind: ScaleDecision['kind'],
    to: number,
    reason: string,
    backpressure = false,
  ): ScaleDecision => ({ kind, nodes: to, reason, wanted, options, backpressure })
  const hold = (reason: string, backpressure = false) =>
    decided('hold', nodes, reason, backpressure)

  if (nodes < limits.nodesMin) return decided('scale-out', limits.nodesMin, 'below-minimum')
  if (blind) return hold('figures-missing')
  const first = asked.reduce((most, one) => (one.nodes > most.nodes ? one : most))
  if (wanted > nodes) {
    if ((cluster.throttledShare ?? 0) > limits.refusedMax) return hold('provider-budget', true)
    const before = Math.min(nodes, outlook.nodesBefore)
    const reachable = before + Math.max(limits.scaleOutStep, before)
    const to = Math.min(wanted, reachable)
    return to > nodes ? decided('scale-out', to, reasonFor(first)) : hold('growing')
  }
  const floor = Math.max(wanted, bounded(outlook.wantedMax))
  if (floor >= nodes) return hold(wanted === nodes ? 'on-target' : 'recent-demand')
  if (cluster.missing > 0) return hold('figures-missing')
  if (outlook.panicking) return hold('panic')
  if (nowMs < advice.holdUntilMs) return hold('advised')
  if (cluster.draining >= Math.max(limits.scaleInStep, Math.floor(nodes / 2))) {
    return hold('draining')
  }
  if (nowMs - cluster.scaledOutAtMs < limits.cooldownMs) return hold('cooldown')
  if (nowMs - cluster.scaledInAtMs < limits.scaleInEveryMs) return hold('cooldown')
  const step = Math.max(limits.scaleInStep, Math.floor(nodes * limits.scaleInShare))
  return decided('scale-in', Math.max(floor, nodes - step), 'idle-capacity')
}

/** Everything that demands nodes or bounds their number. */
function weigh(
  cluster: ClusterSnapshot,
  advice: ReturnType<typeof adviceInForce>,
  limits: ScaleLimits,
): readonly ScaleOption[] {
  const { nodes, slotsPerNode, outlook } = cluster
  const at = (demand: number, utilisation: number): number =>
    nodesFor(demand, slotsPerNode, { ...limits, utilisationTarget: utilisation })
  const { slots, by, headroom } = outlook.forecast
  const staffed = (demand: number): number =>
    staffedNodes(
      { slots: demand, serviceS: outlook.serviceS, headroom, held: outlook.panic },
      slotsPerNode,
      { ...limits, utilisationTarget: advice.targetUtil },
    )
  const reactive = staffed(outlook.demand)
  const floor = Math.min(reactive, staffed(outlook.demand * (1 - limits.deadBand)))
  // Demand only a little above the capacity of the nodes changes nothing: the dead band.
  const settled = floor <= nodes && nodes < reactive
  const option = (kind: keyof typeof REASONS, count: number): ScaleOption => {
    return { kind, nodes: count, reason: REASONS[kind] }
  }
  const options: ScaleOption[] = [
    option('reactive', settled ? nodes : reactive),
    option('floor', floor),
    option('full', at(outlook.stable, PLANNED_FULL)),
    option('arrivals', at(outlook.coming, PLANNED_FULL)),
    option('queue', at(outlook.due, PLANNED_FULL)),
    { kind: 'forecast', nodes: at(slots, PLANNED_FULL), reason: `by ${by}` },
    option('window', outlook.wantedMax),
  ]
  if (outlook.panicking) {
    const panic = Math.max(nodes, at(outlook.panic, advice.targetUtil))
    options.push(option('panic', panic))
  }
  if (advice.floorDelta > 0) options.push(option('advice', reactive + advice.floorDelta))
  return options
}

function reasonFor({ kind }: ScaleOption): string {
  return kind === 'reactive' || kind === 'floor' ? 'demand' : kind
}
