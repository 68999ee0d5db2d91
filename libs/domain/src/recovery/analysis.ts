import { PATTERN_MIN, type DeathPattern } from './deaths.ts'

/** The facts of a failure once its tasks have been given back. */
export interface FailureEvidence {
  /** Reason of the death, how long the node had been silent, and how sure the detector was. */
  readonly reason: string
  readonly silentMs: number
  readonly phi: number
  /** Its last figures; absent when no snapshot held it. */
  readonly last?: {
    readonly cpu: number
    readonly memory: number
    readonly lagMs: number
    readonly active: number
    readonly slots: number
  }
  readonly uptimeMs?: number
  /** The process that runs under its name now. */
  readonly successor: 'none' | 'resumed' | 'restarted'
  readonly pattern: DeathPattern
  /** Tasks that it held, and whether their pointers could be given back. */
  readonly stranded: number
  readonly notesReadable: boolean
  /** Room on the other nodes, and their number. */
  readonly freeCredits: number
  readonly othersAlive: number
  /** Share of the fleet's slots that went with this node, 0 to 1. */
  readonly capacityLost: number
  readonly suspects: number
  /** Replacements ordered within the window. */
  readonly recentReplacements: number
  /** The orchestrator's abilities, and its report on the process. */
  readonly orchestrator: {
    readonly replaces: boolean
    /** The orchestrator restarts an ended process by itself, in place. */
    readonly restarts: boolean
    readonly process?: {
      /** The process no longer exists, or its replacement is under way. */
      readonly gone: boolean
      readonly restarts: number
      readonly outOfMemory: boolean
    }
  }
}

/** Constants of the analysis. */
export const FAILURE_LIMITS = {
  /**
   * More replacements than this within the window mean a crash loop that another replacement will not end; a fleet
   * of twenty may lose ten nodes in ten minutes before replacing them stops.
   */
  replacementsMax: 10,
  /** So many processes that died young mean an image that does not run. */
  youngMax: 5,
  /** From this share of its limit on, memory is the likely cause. */
  memoryShare: 0.9,
  /** A processor this busy, or a loop this late in milliseconds, makes a node miss its heartbeats. */
  cpuShare: 0.95,
  lagMs: 250,
  /** After this many restarts in place another restart will not help. */
  restartsMax: 3,
  /** Shares of the capacity lost. */
  mediumShare: 0.25,
  highShare: 0.5,
} as const

/** Remedies for the process of a dead node, the mildest first. */
export const FAILURE_ACTIONS = ['none', 'restart', 'replace', 'investigate'] as const
/** One remedy. */
export type FailureAction = (typeof FAILURE_ACTIONS)[number]
/** How the tasks of a dead node get to other nodes. */
export const FAILURE_STRATEGIES = [
  'spread',
  'hold-for-capacity',
  'exclude-task',
  'nothing-to-do',
] as const
type FailureStrategy = (typeof FAILURE_STRATEGIES)[number]
/** How much of the fleet's work a failure affects. */
export const FAILURE_IMPACTS = ['none', 'low', 'medium', 'high'] as const
type FailureImpact = (typeof FAILURE_IMPACTS)[number]
/** Measures that would prevent a repetition. */
export const FAILURE_PREVENTIONS = [
  'raise-memory',
  'lower-slots',
  'add-nodes',
  'quarantine-node',
  'stop-task',
  'check-network',
  'check-image',
  'none',
] as const
type FailurePrevention = (typeof FAILURE_PREVENTIONS)[number]

/** The analysis of one failure. */
export interface FailureAnalysis {
  readonly action: FailureAction
  readonly strategy: FailureStrategy
  readonly impact: FailureImpact
  readonly prevention: readonly FailurePrevention[]
  readonly reason: string
}

const PREVENTIONS_MAX = 4

/** Restart, replace or investigate, by evidence. */
export function analyseFailure(evidence: FailureEvidence): FailureAnalysis {
  return {
    ...actionOf(evidence),
    strategy: strategyOf(evidence),
    impact: impactOf(evidence),
    prevention: preventionOf(evidence),
  }
}

/**
 * Replaces only a process that is certainly gone: a process that is silent while its connection is open may
 * be paused and continue later, so a person has to look at it.
 */
function actionOf(evidence: FailureEvidence): Pick<FailureAnalysis, 'action' | 'reason'> {
  const { successor, pattern, orchestrator } = evidence
  if (successor === 'resumed') return { action: 'none', reason: 'resumed' }
  if (successor === 'restarted') return { action: 'none', reason: 'restarted' }
  if (evidence.reason !== 'connection-gone') {
    return { action: 'investigate', reason: 'may-resume' }
  }
  if (evidence.recentReplacements >= FAILURE_LIMITS.replacementsMax) {
    return { action: 'investigate', reason: 'crash-loop' }
  }
  // If a task is the likely cause, the image is not; the task ends with its last attempt.
  if (pattern.young >= FAILURE_LIMITS.youngMax && evidence.suspects === 0) {
    return { action: 'investigate', reason: 'dies-young' }
  }
  const { replaces, restarts, process } = orchestrator
  if (!replaces) return { action: 'none', reason: 'no-orchestrator' }
  if (process?.gone === true) return { action: 'none', reason: 'replaced-already' }
  if (!restarts) return { action: 'replace', reason: 'process-gone' }
  if (pattern.ofNode > 1) return { action: 'replace', reason: 'died-again' }
  if ((process?.restarts ?? 0) >= FAILURE_LIMITS.restartsMax) {
    return { action: 'replace', reason: 'restarts-in-vain' }
  }
  return { action: 'restart', reason: 'first-death' }
}

function strategyOf(evidence: FailureEvidence): FailureStrategy {
  if (evidence.stranded === 0) return 'nothing-to-do'
  if (evidence.suspects > 0) return 'exclude-task'
  return evidence.freeCredits === 0 ? 'hold-for-capacity' : 'spread'
}

function impactOf(evidence: FailureEvidence): FailureImpact {
  const { stranded, capacityLost, freeCredits, othersAlive } = evidence
  if (stranded === 0 && evidence.successor !== 'none') return 'none'
  if (othersAlive === 0 || capacityLost >= FAILURE_LIMITS.highShare) return 'high'
  if (stranded > 0 && freeCredits === 0) return 'high'
  if (!evidence.notesReadable || evidence.suspects > 0) return 'medium'
  if (capacityLost >= FAILURE_LIMITS.mediumShare || stranded > freeCredits) return 'medium'
  return stranded === 0 && capacityLost === 0 ? 'none' : 'low'
}

function preventionOf(evidence: FailureEvidence): readonly FailurePrevention[] {
  const { last, pattern, orchestrator } = evidence
  const silent = evidence.reason !== 'connection-gone' && evidence.reason !== 'restarted'
  const full = last !== undefined && last.memory >= FAILURE_LIMITS.memoryShare
  const outOfMemory = full || orchestrator.process?.outOfMemory === true
  const late =
    last !== undefined &&
    (last.lagMs >= FAILURE_LIMITS.lagMs || last.cpu >= FAILURE_LIMITS.cpuShare)
  const advised: [FailurePrevention, boolean][] = [
    ['stop-task', evidence.suspects > 0],
    ['quarantine-node', pattern.ofNode >= PATTERN_MIN || pattern.ofHost >= PATTERN_MIN],
    ['raise-memory', outOfMemory],
    ['lower-slots', late || (outOfMemory && last !== undefined && last.active >= last.slots)],
    ['check-image', pattern.young >= PATTERN_MIN && evidence.suspects === 0],
    ['check-network', silent && !late && pattern.ofFleet >= PATTERN_MIN],
    ['add-nodes', evidence.stranded > evidence.freeCredits],
  ]
  const found = advised.flatMap(([name, holds]) => (holds ? [name] : []))
  return found.length === 0 ? ['none'] : found.slice(0, PREVENTIONS_MAX)
}

/** An adviser's statement about a failure: words of the lists above, and nothing else. */
export type FailureAdvice = Omit<FailureAnalysis, 'reason'>

/** One advised choice that was not allowed, and its replacement. */
interface ClampedAdvice {
  readonly field: string
  readonly from: string
  readonly to: string
}

/** The choices that the playbook leaves open in one failure. */
interface AdviceBounds {
  /** A replacement may be ordered: the process is certainly gone, and the cap is not reached. */
  readonly mayReplace: boolean
  /** Some tasks were given back. */
  readonly anyTasks: boolean
}

/** The choices of an adviser. */
export function adviceBounds(evidence: FailureEvidence): AdviceBounds {
  const { replaces, process } = evidence.orchestrator
  const surelyGone = evidence.successor === 'none' && evidence.reason === 'connection-gone'
  const inBounds = evidence.recentReplacements < FAILURE_LIMITS.replacementsMax
  return {
    mayReplace: surelyGone && replaces && inBounds && process?.gone !== true,
    anyTasks: evidence.stranded > 0,
  }
}

/**
 * Lets an adviser choose within the playbook: it may investigate instead of replacing, replace instead of
 * restarting, or replace a process that is certainly gone and not in a crash loop. It can neither touch a
 * process that may still run, nor exceed the cap of replacements, nor undo a redistribution, nor reduce an
 * impact below the figures.
 */
export function admitAdvice(
  policy: Pick<FailureAnalysis, 'action' | 'strategy' | 'impact'>,
  advice: FailureAdvice,
  { mayReplace, anyTasks }: AdviceBounds,
): { readonly answer: FailureAdvice; readonly clamped: ClampedAdvice[] } {
  const clamped: ClampedAdvice[] = []
  const within = <T extends string>(field: string, from: T, allowed: readonly T[], to: T): T => {
    if (allowed.includes(from)) return from
    clamped.push({ field, from, to })
    return to
  }
  const actions: FailureAction[] = [policy.action, 'investigate']
  if (mayReplace) actions.push('replace')
  // The tasks are on their way already: the adviser may only choose another word for it.
  const strategies: FailureStrategy[] = [policy.strategy]
  if (anyTasks) strategies.push('spread', 'hold-for-capacity')
  const impacts = FAILURE_IMPACTS.slice(FAILURE_IMPACTS.indexOf(policy.impact))
  const answer: FailureAdvice = {
    action: within('action', advice.action, actions, policy.action),
    strategy: within('strategy', advice.strategy, strategies, policy.strategy),
    impact: within('impact', advice.impact, impacts, policy.impact),
    prevention: advice.prevention,
  }
  return { answer, clamped }
}

/** The analysis with admitted advice; the policy's own preventive measures stay on the list. */
export function applyAdvice(policy: FailureAnalysis, answer: FailureAdvice): FailureAnalysis {
  const prevention = [...new Set([...policy.prevention, ...answer.prevention])]
    .filter((name, _, all) => name !== 'none' || all.length === 1)
    .slice(0, PREVENTIONS_MAX)
  const reason = answer.action === policy.action ? policy.reason : 'advised'
  return { ...answer, prevention, reason }
}
