import {
  createDecisionRecorder,
  type DecisionDraft,
  type RecorderDeps,
} from '@agentfleet/control-plane'
import type { AdviceUse, PlacementDecision } from '@agentfleet/domain'
import type { AdviceRecord, Figures } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { Held } from './in-hand.ts'
import type { BalancerMetrics } from '../metrics.ts'
import type { EjectionChange } from '../nodes/ejection.ts'

/** What records exceptional decisions. */
export type Recorder = ReturnType<typeof createRecorder>

/** A placement with advice. */
interface AdvisedPlacement {
  readonly item: Held
  /** The placement, and the placement that the policy would have chosen alone. */
  readonly decision: PlacementDecision
  readonly policy: PlacementDecision
  /** How the answer was used. */
  readonly use: AdviceUse | 'shadow'
  readonly advice: AdviceRecord
}

const SERVICE = 'load-balancer'
/**
 * The rate of recorded advised placements of each load balancer, so that OPS holds days of them; each tenant has its
 * share.
 */
const ADVISED = { burst: 50, oneEveryMs: 200 }

/**
 * Records exceptional decisions: ejections and their ends, and placements with advice. The reason
 * of an ordinary placement is on the task's own record.
 *
 * Invariants: nothing waits for a record; a bounded number is under way, each within a deadline,
 * and the rest counts as lost; if several load balancers eject the same node, one record is kept.
 */
export function createRecorder(deps: {
  readonly ops: RecorderDeps['ops']
  readonly balancerId: string
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: BalancerMetrics
  /** Returns 1 while only one tenant has tasks, and more otherwise. */
  readonly tenants: () => number
}) {
  const { log, metrics, tenants } = deps
  const recorder = createDecisionRecorder({
    ...deps,
    service: SERVICE,
    by: deps.balancerId,
    log,
    limits: ADVISED,
    onLost: () => metrics.decisionsLost.inc(),
  })
  return {
    /** `acted`: the node was ejected or restored; false if a third of the fleet is already ejected. */
    ejectionChanged(
      change: EjectionChange,
      incarnation: number,
      acted: boolean,
      nodes: number,
    ): void {
      const { nodeId, kind, ejection } = change
      metrics.ejections.inc({ kind, reason: ejection.reason })
      log.warn(
        { nodeId, kind, reason: ejection.reason, times: ejection.times, acted },
        'The load balancer ejected a node or ended its ejection',
      )
      // Other load balancers reach the same decision; the first record of a change is kept.
      const messageId = `${SERVICE}.${kind}.${nodeId}.${incarnation}.${ejection.times}`
      void recorder.record(ejectionDecision(change, acted, nodes), { messageId })
    },
    advised(placement: AdvisedPlacement): void {
      const payer = { tenant: placement.item.pointer.tenant, tenants: tenants() }
      void recorder.record(advisedDecision(placement), { limited: true, payer })
    },
  }
}

function ejectionDecision(
  { nodeId, kind, ejection, before }: EjectionChange,
  acted: boolean,
  nodes: number,
): DecisionDraft {
  const reason = kind === 'restore' ? 'probe-passed' : ejection.reason
  const window = before?.window ?? []
  const inputs = {
    nodes,
    times: ejection.times,
    consecutive: before?.consecutive ?? 0,
    okBefore: window.reduce((sum, bucket) => sum + bucket.ok, 0),
    failedBefore: window.reduce((sum, bucket) => sum + bucket.failed, 0),
    outForMs: kind === 'eject' ? Math.round(ejection.untilMs - ejection.sinceMs) : 0,
  }
  const chosen = { kind, reason, figures: { outForMs: inputs.outForMs } }
  // A third of the fleet is already ejected, so this node stays in service, and the decision says so.
  const left = { kind: 'leave', reason: acted ? 'not-chosen' : 'share-out-reached', figures: {} }
  return { kind, reason, about: nodeId, inputs, options: [chosen, left], policy: chosen, acted }
}

function advisedDecision({ item, decision, policy, use, advice }: AdvisedPlacement): DecisionDraft {
  const { taskId, cpu, memory } = item.pointer
  const outcome = use === 'gone' || use === 'not-a-candidate' ? 'invalid' : advice.outcome
  return {
    kind: decision.kind,
    reason:
      use === 'followed'
        ? 'advised'
        : use === 'absent'
          ? `advice-${advice.outcome}`
          : `advice-${use}`,
    about: taskId,
    inputs: { cpu, memory, nodes: decision.weighed.considered, ...figuresOf(decision) },
    options: decision.weighed.candidates.map(({ id, score, free }) => ({
      kind: 'place',
      reason: 'candidate',
      figures: { node: id, score, free },
    })),
    policy: { kind: policy.kind, reason: policy.reason, figures: figuresOf(policy) },
    advice: { ...advice, outcome },
    acted: decision.kind === 'place',
  }
}

function figuresOf(decision: PlacementDecision): Figures {
  return decision.kind === 'place' ? { node: decision.nodeId } : {}
}
