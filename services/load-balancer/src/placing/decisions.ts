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

/**
 * Records the decisions that are no everyday ones: nodes taken out of service and back, and placements
 * that an adviser was asked about. Why a plain task went where it went is on the task's own record.
 *
 * Invariants: nothing waits for a record; a bounded number is under way and within a time, what is above that
 * is counted as lost; of the same ejection by several load balancers one record is kept.
 */
export interface Recorder {
  /** `acted`: the node is out, or back; not so when a third of the fleet is out already. */
  ejectionChanged(change: EjectionChange, incarnation: number, acted: boolean, nodes: number): void
  advised(placement: AdvisedPlacement): void
}

/** A placement that an adviser was asked about. */
export interface AdvisedPlacement {
  readonly item: Held
  /** What was done, and what the policy alone would have done. */
  readonly decision: PlacementDecision
  readonly policy: PlacementDecision
  /** What became of the answer. */
  readonly use: AdviceUse | 'shadow'
  readonly advice: AdviceRecord
}

const SERVICE = 'load-balancer'
/** Advised placements recorded in a burst and for good, of each load balancer: OPS holds days of them. */
const ADVISED = { burst: 50, oneEveryMs: 200 }

/** Records for this load balancer. */
export function createRecorder(deps: {
  readonly ops: RecorderDeps['ops']
  readonly balancerId: string
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: BalancerMetrics
}): Recorder {
  const { log, metrics } = deps
  const recorder = createDecisionRecorder({
    ...deps,
    service: SERVICE,
    by: deps.balancerId,
    log,
    limits: ADVISED,
    onLost: () => metrics.decisionsLost.inc(),
  })
  return {
    ejectionChanged(change, incarnation, acted, nodes) {
      const { nodeId, kind, ejection } = change
      metrics.ejections.inc({ kind, reason: ejection.reason })
      log.warn(
        { nodeId, kind, reason: ejection.reason, times: ejection.times, acted },
        'ejection changed',
      )
      // The others have heard the same figures: the first record of the same change stands.
      const messageId = `${SERVICE}.${kind}.${nodeId}.${incarnation}.${ejection.times}`
      void recorder.record(ejectionDecision(change, acted, nodes), { messageId })
    },
    advised: (placement) => void recorder.record(advisedDecision(placement), { limited: true }),
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
  // A third of the fleet is out already: it stays in service, and the decision says so.
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
