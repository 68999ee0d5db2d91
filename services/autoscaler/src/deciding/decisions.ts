import { randomUUID } from 'node:crypto'
import type { ClusterSnapshot, ScaleDecision } from '@agentfleet/domain'
import type { AdviceRecord, Decision, Figures } from '@agentfleet/protocol'

/** What a recorded decision is made of. */
export interface DecisionParts {
  readonly by: string
  readonly driver: string
  readonly atMs: number
  /** What was done, and what the policy would have done without advice. */
  readonly decision: ScaleDecision
  readonly alone: ScaleDecision
  readonly seen: ClusterSnapshot
  readonly acted: boolean
  readonly victims: readonly string[]
  readonly advice: AdviceRecord | undefined
  readonly llmCalls: number
  readonly pendingFromSeq: number
}

const SERVICE = 'autoscaler'
/** Texts among the inputs have a limit; the first victims are enough to read. */
const VICTIMS_MAX = 200

/** The record of one decision: what it saw, what could be done, what was done and why. */
export function decisionRecord(parts: DecisionParts): Decision {
  const { decision, alone, advice } = parts
  const chosen = decision.options.filter(({ nodes }) => nodes === decision.nodes)
  const others = decision.options.filter(({ nodes }) => nodes !== decision.nodes)
  return {
    id: randomUUID(),
    service: SERVICE,
    by: parts.by,
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
    throttledShare: seen.budget?.refusedShare,
    llmCalls: parts.llmCalls,
    wanted: decision.wanted,
    decided: decision.nodes,
    backpressure: decision.backpressure,
    victims: parts.victims.length === 0 ? undefined : parts.victims.join(' ').slice(0, VICTIMS_MAX),
    scaledOutAtMs: seen.scaledOutAtMs,
    scaledInAtMs: seen.scaledInAtMs,
    pendingFromSeq: parts.pendingFromSeq,
  })
}

/** Without what is not known: an unfilled window wants infinitely many, and JSON has no infinity. */
function known(figures: Readonly<Record<string, number | string | boolean | undefined>>): Figures {
  const entries = Object.entries(figures).filter(
    ([, value]) => value !== undefined && (typeof value !== 'number' || Number.isFinite(value)),
  )
  return Object.fromEntries(entries) as Figures
}

/** Records that may be written at once, and how often another one. */
const BURST = 6
const ONE_EVERY_MS = 10_000
/** Holding for the same reason is said again after this, so that instants and pending ones live on. */
const REPEAT_AFTER_MS = 300_000

/**
 * Which decisions are recorded: every change, and a hold when it is a new one. Reasons that come and go
 * share an allowance, so one that lasts is recorded within ten seconds and none floods the stream.
 */
export function createRecording(nowMs: () => number) {
  let left = BURST
  let filledAtMs = nowMs()
  let recordedAtMs = -Infinity
  return {
    due(short: string, last: string, acted: boolean): boolean {
      const now = nowMs()
      left = Math.min(BURST, left + (now - filledAtMs) / ONE_EVERY_MS)
      filledAtMs = now
      if (acted) return true
      if (short === last && now - recordedAtMs < REPEAT_AFTER_MS) return false
      return left >= 1
    },
    done(acted: boolean): void {
      // Changes are rare by their own limits, and must not hide the holds after them.
      if (!acted) left = Math.max(0, left - 1)
      recordedAtMs = nowMs()
    },
  }
}
