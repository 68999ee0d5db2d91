import type { ClusterSnapshot, ScaleDecision } from '@agentfleet/domain'
import type { DecisionDraft } from '@agentfleet/control-plane'
import type { AdviceRecord, Figures } from '@agentfleet/protocol'

/** The parts of a recorded decision. */
interface DecisionParts {
  readonly driver: string
  readonly atMs: number
  /** The decision, and the decision that the policy would have made without advice. */
  readonly decision: ScaleDecision
  readonly alone: ScaleDecision
  readonly seen: ClusterSnapshot
  readonly acted: boolean
  readonly victims: readonly string[]
  readonly advice: AdviceRecord | undefined
  readonly llmCalls: number
}

/** Characters; an input text has a limit, and the first victims suffice for a reader. */
const VICTIMS_MAX = 200

/** Creates the record of a decision: what the autoscaler saw, its options, what it did and why. */
export function decisionRecord(parts: DecisionParts): DecisionDraft {
  const { decision, alone, advice } = parts
  const chosen = decision.options.filter(({ nodes }) => nodes === decision.nodes)
  const others = decision.options.filter(({ nodes }) => nodes !== decision.nodes)
  return {
    kind: decision.kind,
    reason: decision.reason,
    atMs: parts.atMs,
    inputs: inputsOf(parts),
    options: [...chosen, ...others].map(({ kind, reason, nodes }) => ({
      kind,
      reason,
      figures: known({ nodes }),
    })),
    policy: { kind: alone.kind, reason: alone.reason, figures: { nodes: alone.nodes } },
    ...(advice === undefined ? {} : { advice }),
    acted: parts.acted,
    driver: parts.driver,
  }
}

function inputsOf(parts: DecisionParts): Figures {
  const { seen, decision } = parts
  const { outlook } = seen
  return known({
    nodes: seen.nodes,
    draining: seen.draining,
    missing: seen.missing,
    slotsPerNode: seen.slotsPerNode,
    running: seen.running,
    queued: seen.queued,
    complete: seen.complete,
    stableSlots: outlook.stable,
    panicSlots: outlook.panic,
    comingSlots: outlook.coming,
    lateShare: outlook.lateShare,
    forecastSlots: outlook.forecast.slots,
    forecastBy: outlook.forecast.by,
    arrivalsPerS: outlook.arrivalsPerS,
    serviceS: outlook.serviceS,
    panicking: outlook.panicking,
    wantedMax: outlook.wantedMax,
    throttledShare: seen.throttledShare,
    llmCalls: parts.llmCalls,
    wanted: decision.wanted,
    decided: decision.nodes,
    backpressure: decision.backpressure,
    victims: parts.victims.length === 0 ? undefined : parts.victims.join(' ').slice(0, VICTIMS_MAX),
    scaledOutAtMs: seen.scaledOutAtMs,
    scaledInAtMs: seen.scaledInAtMs,
  })
}

/** Removes unknown figures: an unfilled window wants infinitely many nodes, and JSON has no infinity. */
function known(figures: Readonly<Record<string, number | string | boolean | undefined>>): Figures {
  const entries = Object.entries(figures).filter(
    ([, value]) => value !== undefined && (typeof value !== 'number' || Number.isFinite(value)),
  )
  return Object.fromEntries(entries) as Figures
}

/** A short form of the decision; the recorder limits how often it records the same form. */
export function shortOf({ decision, acted, advice }: DecisionParts): string {
  const asked = advice === undefined ? '' : ` ${advice.outcome} ${advice.askedAtMs}`
  return `${decision.kind} ${decision.reason} ${decision.nodes} ${acted}${asked}`
}
