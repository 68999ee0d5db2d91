import type { Ops } from '@agentfleet/adapters'
import type { AdviceUse, PlacementDecision } from '@agentfleet/domain'
import { SUBJECTS, type AdviceRecord, type Decision, type Figures } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import { randomUUID } from 'node:crypto'
import type { Held } from './dispatcher.ts'
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
/** Records under way at once: OPS answers within milliseconds. */
const UNDER_WAY_MAX = 64
/** Advised placements recorded in a burst and for good, of each load balancer: OPS holds days of them. */
const BURST = 50
const PER_SECOND = 5

/** Records for this load balancer. */
export function createRecorder(deps: {
  readonly ops: Pick<Ops, 'record'>
  readonly balancerId: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: BalancerMetrics
}): Recorder {
  const { ops, clock, logger, metrics } = deps
  const base = () => ({
    id: randomUUID(),
    service: SERVICE,
    by: deps.balancerId,
    atMs: clock.nowMs(),
  })
  let underWay = 0
  let allowance = BURST
  let filledAtMs = clock.monotonicMs()

  const record = (decision: Decision, messageId?: string): void => {
    if (underWay >= UNDER_WAY_MAX) {
      metrics.decisionsLost.inc()
      return
    }
    underWay += 1
    const subject = SUBJECTS.opsDecision(SERVICE)
    ops
      .record(subject, decision, messageId)
      .catch((error: unknown) => {
        metrics.decisionsLost.inc()
        logger.warn({ err: error, kind: decision.kind }, 'a decision was not recorded')
      })
      .finally(() => (underWay -= 1))
  }

  return {
    ejectionChanged(change, incarnation, acted, nodes) {
      const { nodeId, kind, ejection } = change
      metrics.ejections.inc({ kind, reason: ejection.reason })
      logger.warn(
        { nodeId, kind, reason: ejection.reason, times: ejection.times, acted },
        'ejection changed',
      )
      // The others have heard the same figures: the first record of the same change stands.
      const messageId = `${SERVICE}.${kind}.${nodeId}.${incarnation}.${ejection.times}`
      record({ ...base(), ...ejectionDecision(change, acted, nodes) }, messageId)
    },
    advised(placement) {
      const now = clock.monotonicMs()
      allowance = Math.min(BURST, allowance + ((now - filledAtMs) / 1_000) * PER_SECOND)
      filledAtMs = now
      if (allowance < 1) {
        metrics.decisionsLost.inc()
        return
      }
      allowance -= 1
      record({ ...base(), ...advisedDecision(placement) })
    },
  }
}

type Rest = Omit<Decision, 'id' | 'service' | 'by' | 'atMs'>

function ejectionDecision(
  { nodeId, kind, ejection, before }: EjectionChange,
  acted: boolean,
  nodes: number,
): Rest {
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

function advisedDecision({ item, decision, policy, use, advice }: AdvisedPlacement): Rest {
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
