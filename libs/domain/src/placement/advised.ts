import {
  candidate,
  creditsOf,
  isEligible,
  loadScore,
  selectNode,
  type Candidate,
  type PlacementDecision,
} from './select.ts'
import type { NodeLoad, Placement, PlacementLimits } from './node-load.ts'
import { hasRoom } from './room.ts'

/**
 * `placement: "advised"`: the adviser chooses among nodes that the filter has passed, no others.
 *
 * The question holds figures and labels only, never a node's name or a task's text. If the answer is late,
 * unreadable, or names a node that can no longer take the task, the policy chooses.
 */

/** The question to the adviser. */
export interface AdviceQuestion {
  /** Best first; the labels of the answer stand for them, in this order. */
  readonly candidates: readonly Candidate[]
  /** `n1`, `n2`, …: the only valid answers. */
  readonly choices: readonly string[]
  readonly figures: Readonly<Record<string, number | string>>
}

/** Why an answer was followed or not. */
export type AdviceUse = 'followed' | 'absent' | 'invalid' | 'not-a-candidate' | 'gone'

/** More candidates make the question longer and the answer no better. */
const CANDIDATES_MAX = 8

/** The candidates with their figures; undefined when there is no choice. */
export function prepareAdvice(
  nodes: readonly NodeLoad[],
  task: Placement,
  limits: PlacementLimits,
): AdviceQuestion | undefined {
  const scored = nodes
    .filter((node) => mayTake(node, task, limits) && node.ejected !== 'probe')
    .map((node) => ({ node, score: loadScore(node, limits) }))
    .sort((a, b) => a.score - b.score || (a.node.id < b.node.id ? -1 : 1))
    .slice(0, CANDIDATES_MAX)
  if (scored.length < 2) return undefined
  const figures: Record<string, number | string> = { cpu: task.cpu, memory: task.memory }
  scored.forEach(({ node, score }, index) => {
    const label = labelOf(index)
    figures[`${label}.score`] = round(score)
    figures[`${label}.free`] = creditsOf(node, limits)
    figures[`${label}.slots`] = node.slots
    figures[`${label}.active`] = node.active + node.inTransit
    figures[`${label}.cpu`] = round(node.cpu)
    figures[`${label}.memory`] = round(node.memory)
    figures[`${label}.lagMs`] = round(node.lagMs)
    figures[`${label}.responseMs`] = round(node.responseMs)
  })
  return {
    candidates: scored.map(({ node, score }) => candidate(node, score, limits)),
    choices: scored.map((_, index) => labelOf(index)),
    figures,
  }
}

/**
 * The decision after an answer, or without one (`undefined`). `nodes` are the present nodes, so a candidate
 * without free slots gets no task.
 */
export function settleAdvice(
  question: AdviceQuestion,
  answer: unknown,
  nodes: readonly NodeLoad[],
  task: Placement,
  limits: PlacementLimits,
  random: () => number,
): { readonly decision: PlacementDecision; readonly use: AdviceUse } {
  const policy = selectNode(nodes, task, limits, random)
  if (answer === undefined) return { decision: policy, use: 'absent' }
  const choice = choiceOf(answer)
  if (choice === undefined) return { decision: policy, use: 'invalid' }
  const chosen = question.candidates[question.choices.indexOf(choice)]
  if (chosen === undefined) return { decision: policy, use: 'not-a-candidate' }
  const node = nodes.find(({ id }) => id === chosen.id)
  if (node === undefined || !mayTake(node, task, limits)) return { decision: policy, use: 'gone' }
  const weighed = { ...policy.weighed, candidates: question.candidates }
  return {
    decision: { kind: 'place', nodeId: node.id, reason: 'advised', weighed },
    use: 'followed',
  }
}

function mayTake(node: NodeLoad, task: Placement, limits: PlacementLimits): boolean {
  return (
    isEligible(node, limits) &&
    task.excluded?.includes(node.id) !== true &&
    creditsOf(node, limits) >= 1 &&
    hasRoom(node, task)
  )
}

function choiceOf(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null || !('choice' in answer)) return undefined
  return typeof answer.choice === 'string' ? answer.choice : undefined
}

function labelOf(index: number): string {
  return `n${index + 1}`
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
