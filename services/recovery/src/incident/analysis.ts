import {
  analyseFailure,
  applyAdvice,
  decideQuarantine,
  given,
  type FailureAnalysis,
} from '@agentfleet/domain'
import type { DecisionDraft } from '@agentfleet/control-plane'
import type { AdviceRecord, Decision, Incident, Death } from '@agentfleet/protocol'
import type { PartDeps } from '../deps.ts'
import type { Plan } from './action.ts'
import { askAdvice } from './advice.ts'
import { figuresOf, gatherEvidence, type Found } from './evidence.ts'
import type { IncidentRecord } from './record.ts'

/**
 * Turns a redistributed incident into a plan: evidence, policy, quarantine, advice.
 *
 * Invariants: the tasks of the dead node do not wait for the analysis; only mode `on` waits for
 * advice, and no longer than its timeout.
 */

/** The plan, and the decision that explains it. */
export interface Conclusion {
  readonly plan: Plan
  /** The decision without what was done. */
  readonly decision: Omit<DecisionDraft, 'acted' | 'driver'>
  /** Advice in mode `shadow`; the workflow does not wait for it. */
  readonly advice: Promise<AdviceRecord | undefined>
  readonly nodesBefore: number | undefined
}

/** Appended to the reason of an analysis that could not read the tasks. */
const UNREADABLE = ', notes unreadable'

/** Whether the record says that the tasks of the incident are known. */
export function notesWereReadable({ analysis }: Incident): boolean {
  return analysis?.reason.endsWith(UNREADABLE) !== true
}

/** Analyses the failure and records the analysis. */
export async function analyse(
  deps: PartDeps,
  record: IncidentRecord,
  death: Death,
  redistribution: { readonly taskIds: readonly string[]; readonly notesReadable: boolean },
  signal: AbortSignal,
): Promise<Conclusion> {
  const { adviser, clock, recent } = deps
  const found = await gatherEvidence(deps, death, record.current(), redistribution)
  const { evidence, suspects, host } = found
  const policy = analyseFailure(evidence)
  const nowMs = clock.nowMs()
  const shutOut = decideQuarantine(
    {
      deathsOfNode: evidence.pattern.ofNode,
      othersAlive: evidence.othersAlive,
      quarantined: [...recent.quarantined().keys()].filter((id) => id !== death.nodeId).length,
    },
    nowMs,
  )
  const asked = askAdvice(adviser, evidence, policy, signal)
  const advice = adviser.mode === 'on' ? await asked : undefined
  const analysis = advice?.kind === 'applied' ? applyAdvice(policy, advice.answer) : policy
  await record.write({
    ...given({ host }),
    suspectTasks: [...suspects],
    analysis: {
      by: advice?.kind === 'applied' ? 'adviser' : 'policy',
      ...analysis,
      prevention: [...analysis.prevention],
      reason: evidence.notesReadable ? analysis.reason : analysis.reason + UNREADABLE,
      atMs: nowMs,
      ...given({ advice: advice?.record }),
    },
  })
  const quarantine: Plan | undefined =
    shutOut.kind === 'quarantine' ? { kind: 'quarantine', reason: shutOut.reason } : undefined
  const alone: Plan = quarantine ?? { kind: policy.action, reason: policy.reason }
  const plan: Plan = quarantine ?? { kind: analysis.action, reason: analysis.reason }
  const { nodeId } = death
  const until = shutOut.kind === 'quarantine' ? { untilMs: shutOut.untilMs } : {}
  return {
    plan,
    decision: {
      id: record.current().id,
      kind: plan.kind,
      reason: plan.reason,
      atMs: nowMs,
      about: nodeId,
      inputs: { ...figuresOf(evidence), ...until },
      options: optionsOf(policy, alone, shutOut.reason, found),
      policy: { ...alone, figures: wordsOf(policy) },
      ...given({ advice: advice?.record }),
    },
    advice:
      advice === undefined ? asked.then(({ record: full }) => full) : Promise.resolve(undefined),
    nodesBefore: found.nodesBefore,
  }
}

function wordsOf({ strategy, impact, prevention }: FailureAnalysis): Decision['policy']['figures'] {
  return { strategy, impact, prevention: prevention.join(',') }
}

/** Returns the possible actions, the policy's choice first. */
function optionsOf(
  policy: FailureAnalysis,
  alone: Plan,
  quarantine: string,
  { evidence }: Found,
): Decision['options'] {
  const { replaces, restarts } = evidence.orchestrator
  const others = [
    { kind: 'quarantine', reason: quarantine, figures: { deathsOfNode: evidence.pattern.ofNode } },
    { kind: 'restart', reason: restarts ? 'possible' : 'not-possible', figures: {} },
    {
      kind: 'replace',
      reason: replaces ? 'possible' : 'no-orchestrator',
      figures: { recentReplacements: evidence.recentReplacements },
    },
    { kind: 'investigate', reason: 'always-possible', figures: {} },
    { kind: 'none', reason: 'always-possible', figures: {} },
  ]
  return [
    { ...alone, figures: wordsOf(policy) },
    ...others.filter(({ kind }) => kind !== alone.kind),
  ]
}
