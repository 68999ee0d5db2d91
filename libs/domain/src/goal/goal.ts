import { validatePlan, PLAN_LIMITS, type GoalSpec, type Plan, type PlanCheck } from './plan.ts'
import type { Approval, ChildRef, TaskInput } from '../task/wait.ts'
import type { JournaledCall, TaskError } from '../task/spec.ts'
import { jsonIn } from '../text/json-text.ts'

/**
 * The state of a goal, by its journal and its children alone: the same history gives the same next move on
 * every node that resumes it.
 *
 * plan → (hold → approved) → spawn → children → (all completed → put together | plan again).
 */

/** Name of a goal's planning calls in its journal. */
export const PLAN_CALL = 'plan'
/** The tool that a held plan asks approval for. */
export const RUN_GOAL = 'run-goal'

/** One planning: its call, its answer, and its tasks if they were made. */
export interface Planning {
  readonly step: number
  /** The planner's answer. */
  readonly text: string
  readonly check: PlanCheck
  readonly taskIds: readonly string[]
}

type GoalMove =
  | { readonly kind: 'plan'; readonly reason: 'first' | 'invalid' | 'step-failed' }
  | { readonly kind: 'hold'; readonly step: number; readonly plan: Plan }
  | { readonly kind: 'spawn'; readonly step: number; readonly plan: Plan }
  | { readonly kind: 'await'; readonly taskIds: readonly string[] }
  | { readonly kind: 'conclude' }
  | { readonly kind: 'fail'; readonly error: TaskError }

/** Every planning of a goal, in order. */
export function planningsOf(
  goal: GoalSpec,
  calls: readonly JournaledCall[],
  children: readonly ChildRef[],
): Planning[] {
  return calls
    .filter(({ name }) => name === PLAN_CALL)
    .map(({ step, output }) => {
      const text = textIn(output)
      const check = validatePlan(parsed(text), PLAN_LIMITS, goal.roles)
      const taskIds = children.filter((child) => child.step === step).map(({ taskId }) => taskId)
      return { step, text, check, taskIds }
    })
}

/** The next move of a goal. */
export function decideGoal(
  goal: GoalSpec,
  plannings: readonly Planning[],
  approvals: readonly Approval[],
  inputs: readonly TaskInput[],
): GoalMove {
  const last = plannings.at(-1)
  if (last === undefined) return { kind: 'plan', reason: 'first' }
  const replansLeft = goal.replansMax - (plannings.length - 1)
  const { check, step, taskIds } = last
  if (check.kind === 'invalid') {
    if (replansLeft > 0) return { kind: 'plan', reason: 'invalid' }
    return fail(
      'plan-invalid',
      `the planner did not make a valid plan: ${check.problems.join('; ')}`,
    )
  }
  const held = goal.hold && plannings.every((planning) => planning.taskIds.length === 0)
  const word = approvals.find((approval) => approval.step === step)
  if (word?.approved === false) {
    return fail('plan-refused', `${word.by} refused the plan${word.note ? `: ${word.note}` : ''}`)
  }
  if (held && word === undefined) return { kind: 'hold', step, plan: check.plan }
  if (taskIds.length === 0) return { kind: 'spawn', step, plan: check.plan }
  const ends = taskIds.map((taskId) => inputs.find((input) => input.taskId === taskId))
  if (ends.some((end) => end === undefined || end.state === 'unknown'))
    return { kind: 'await', taskIds }
  const failed = ends.findIndex((end) => end?.state !== 'completed')
  if (failed < 0) return { kind: 'conclude' }
  if (replansLeft > 0) return { kind: 'plan', reason: 'step-failed' }
  const stepId = check.plan.steps[failed]?.id ?? ''
  const why = ends[failed]?.error?.message ?? 'the step did not complete'
  return fail('goal-failed', `step "${stepId}" of the last plan: ${why}`)
}

function fail(code: string, message: string): GoalMove {
  return { kind: 'fail', error: { code, message } }
}

function textIn(output: JournaledCall['output']): string {
  const text = output !== null && typeof output === 'object' && 'text' in output ? output.text : ''
  return typeof text === 'string' ? text : ''
}

/** The JSON in a planner's answer, which some models put between fences; undefined: there is none. */
function parsed(text: string): unknown {
  const start = text.indexOf('{')
  const end = text.lastIndexOf('}')
  return start < 0 || end < start ? undefined : jsonIn(text.slice(start, end + 1))
}
