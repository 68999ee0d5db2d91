import { defineQuestion, type Adviser, type Advice } from '@agentfleet/adviser'
import {
  admitAdvice,
  adviceBounds,
  FAILURE_ACTIONS,
  FAILURE_IMPACTS,
  FAILURE_PREVENTIONS,
  FAILURE_STRATEGIES,
  type FailureAdvice,
  type FailureAnalysis,
  type FailureEvidence,
} from '@agentfleet/domain'
import { z } from 'zod'

/** The death reasons that an adviser gets; any other reason is sent as `other`. */
const REASONS = [
  'connection-gone',
  'ping-failed',
  'consul-critical',
  'silence',
  'restarted',
  'other',
] as const
const PREVENTIONS_MAX = 4
/** Milliseconds; incidents take minutes, but their action waits no longer than this for advice. */
const ADVICE_WITHIN_MS = 5_000
/** Milliseconds for which a similar failure gets the same answer. */
const ADVICE_TTL_MS = 300_000

const INSTRUCTION = `You review the death of one worker node of a fleet that runs tasks. The tasks of the
node have already been given to other nodes, and this cannot be changed. You see figures of the node, of the
fleet and of the deaths in the last ten minutes. You also see the conclusion of the deterministic policy
(policyAction, policyStrategy, policyImpact). Answer with an action, the strategy of the redistribution, the
impact on the fleet, and up to four ways to prevent such a death. The action restart lets the orchestrator
restart the node. The action replace starts another process instead of the node. The action investigate leaves
the node to a person. The action none does nothing. Replace a process only if it has certainly ended (mayReplace). Prefer investigate if a
new process will probably fail in the same way, for example after many early deaths or many recent replacements.
A task that was running at several deaths (suspects) is the likely cause. Repeat the conclusion of the policy
unless the figures show a better answer.`

const answerSchema = z.strictObject({
  action: z.enum(FAILURE_ACTIONS),
  strategy: z.enum(FAILURE_STRATEGIES),
  impact: z.enum(FAILURE_IMPACTS),
  prevention: z.array(z.enum(FAILURE_PREVENTIONS)).max(PREVENTIONS_MAX),
})

const question = defineQuestion({
  name: 'recovery-failure',
  instruction: INSTRUCTION,
  seen: {
    reason: REASONS,
    successor: ['none', 'resumed', 'restarted'],
    silentMs: 'number',
    phi: 'number',
    uptimeMs: 'number',
    cpu: 'number',
    memory: 'number',
    lagMs: 'number',
    active: 'number',
    slots: 'number',
    deathsOfNode: 'number',
    deathsOfHost: 'number',
    deathsOfFleet: 'number',
    deathsYoung: 'number',
    stranded: 'number',
    freeCredits: 'number',
    othersAlive: 'number',
    capacityLost: 'number',
    suspects: 'number',
    recentReplacements: 'number',
    processRestarts: 'number',
    outOfMemory: 'boolean',
    notesReadable: 'boolean',
    mayReplace: 'boolean',
    policyAction: FAILURE_ACTIONS,
    policyStrategy: FAILURE_STRATEGIES,
    policyImpact: FAILURE_IMPACTS,
  },
  schema: answerSchema,
  clamp: (advised, seen) => {
    const { answer, clamped } = admitAdvice(
      { action: seen.policyAction, strategy: seen.policyStrategy, impact: seen.policyImpact },
      advised,
      { mayReplace: seen.mayReplace, anyTasks: seen.stranded > 0 },
    )
    return { answer: { ...answer, prevention: [...answer.prevention] }, clamped }
  },
  followsPolicy: (answer, seen) => answer.action === seen.policyAction,
  bucket: (seen) => ({
    reason: seen.reason,
    successor: seen.successor,
    policy: `${seen.policyAction} ${seen.policyStrategy} ${seen.policyImpact}`,
    mayReplace: seen.mayReplace,
    outOfMemory: seen.outOfMemory,
    notesReadable: seen.notesReadable,
    deathsOfNode: Math.min(3, seen.deathsOfNode),
    deathsOfFleet: Math.min(10, seen.deathsOfFleet),
    deathsYoung: Math.min(5, seen.deathsYoung),
    suspects: Math.min(3, seen.suspects),
    memoryTenths: Math.round(seen.memory * 10),
    cpuTenths: Math.round(seen.cpu * 10),
    capacityTenths: Math.round(seen.capacityLost * 10),
    enoughCredits: seen.freeCredits >= seen.stranded,
  }),
  ttlMs: ADVICE_TTL_MS,
  timeoutMs: ADVICE_WITHIN_MS,
})

/** Asks for advice; resolves within ADVICE_WITHIN_MS and never rejects. */
export function askAdvice(
  adviser: Adviser,
  evidence: FailureEvidence,
  policy: FailureAnalysis,
  signal: AbortSignal,
): Promise<Advice<FailureAdvice>> {
  const { last, pattern, orchestrator } = evidence
  return adviser.ask(
    question,
    {
      reason: REASONS.find((known) => known === evidence.reason) ?? 'other',
      successor: evidence.successor,
      silentMs: evidence.silentMs,
      phi: evidence.phi,
      // -1 means unknown.
      uptimeMs: evidence.uptimeMs ?? -1,
      cpu: last?.cpu ?? -1,
      memory: last?.memory ?? -1,
      lagMs: last?.lagMs ?? -1,
      active: last?.active ?? -1,
      slots: last?.slots ?? -1,
      deathsOfNode: pattern.ofNode,
      deathsOfHost: pattern.ofHost,
      deathsOfFleet: pattern.ofFleet,
      deathsYoung: pattern.young,
      stranded: evidence.stranded,
      freeCredits: evidence.freeCredits,
      othersAlive: evidence.othersAlive,
      capacityLost: evidence.capacityLost,
      suspects: evidence.suspects,
      recentReplacements: evidence.recentReplacements,
      processRestarts: orchestrator.process?.restarts ?? -1,
      outOfMemory: orchestrator.process?.outOfMemory ?? false,
      notesReadable: evidence.notesReadable,
      mayReplace: adviceBounds(evidence).mayReplace,
      policyAction: policy.action,
      policyStrategy: policy.strategy,
      policyImpact: policy.impact,
    },
    signal,
  )
}
