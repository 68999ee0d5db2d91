import {
  addUsage,
  decideGoal,
  NO_USAGE,
  PLAN_CALL,
  PLAN_LIMITS,
  planningsOf,
  planSchema,
  RUN_GOAL,
  teamAgent,
  type GoalSpec,
  type JournaledCall,
  type Plan,
  type Planning,
  type TaskError,
  type TaskInput,
  type TaskSpec,
  type Usage,
} from '@agentfleet/domain'
import { childTaskId } from '@agentfleet/protocol'
import { awaiting, OVER, type AgentDeps, type Begun, type Ending } from './turn.ts'
import { childSpec } from './child-spec.ts'
import { goalConversation } from './goal-conversation.ts'
import { callModel } from './model-call.ts'
import type { Run } from '../node/runs.ts'

/**
 * Runs a goal: plan, run the steps as children, combine their results.
 *
 * Every move follows from the journal and the children (`decideGoal`), so any node can continue where the last
 * attempt stopped. Invariants: a plan is committed before a step of it runs; the children of a plan are created
 * once, under the step of its call; while they run, the goal holds no slot.
 */

/** What all moves of a run share. */
interface Pursuit {
  readonly run: Run
  readonly spec: TaskSpec
  readonly goal: GoalSpec
  readonly inputs: readonly TaskInput[]
  readonly deps: AgentDeps
}

/** Runs the goal until it ends, or until it waits for its children or for approval. */
export async function runGoal(
  run: Run,
  spec: TaskSpec,
  goal: GoalSpec,
  begun: Begun,
  deps: AgentDeps,
): Promise<Ending> {
  const { approvals, children = [], inputs = [] } = begun
  const pursuit = { run, spec, goal, inputs, deps }
  let { calls } = begun
  deps.deltas.started(run)
  for (;;) {
    const plannings = planningsOf(goal, calls, children)
    const move = decideGoal(goal, plannings, approvals, inputs)
    switch (move.kind) {
      case 'plan': {
        const call = await plan(pursuit, calls, plannings)
        if (!('step' in call)) return call
        calls = [...calls, call]
        break
      }
      case 'hold': {
        const { step } = move
        return {
          kind: 'paused',
          wait: { kind: 'approval', step, tool: RUN_GOAL, arguments: move.plan },
        }
      }
      case 'spawn': {
        const { step } = move
        const specs = childSpecs(run.taskId, step, spec, goal, move.plan)
        const made = await deps.spawn(run, step, specs)
        if (made === undefined) return OVER
        if (made.kind === 'rejected') return givenUp(made.error)
        return awaiting(specs.map((_spec, position) => childTaskId(run.taskId, step, position)))
      }
      case 'await':
        return awaiting(move.taskIds)
      case 'conclude':
        return conclude(pursuit, calls, plannings)
      case 'fail':
        return givenUp(move.error)
    }
  }
}

function givenUp({ code, message }: TaskError): Ending {
  return { kind: 'failed', failure: { kind: 'given-up', code, message } }
}

async function plan(
  pursuit: Pursuit,
  calls: readonly JournaledCall[],
  plannings: readonly Planning[],
): Promise<JournaledCall | Ending> {
  const { run, deps } = pursuit
  const outcome = await ask(pursuit, calls, plannings, 'plan')
  if (outcome.kind !== 'answered') return outcome
  const { answer, usage, by, times } = outcome
  const step = nextStep(calls)
  const output = { text: answer.text, toolCalls: [] }
  const call: JournaledCall = { step, kind: 'llm', name: PLAN_CALL, output, usage, by, times }
  return (await deps.commit(run, call)) ? call : OVER
}

/** Ends the goal; the last answer is committed with the completion, as in every run. */
async function conclude(
  pursuit: Pursuit,
  calls: readonly JournaledCall[],
  plannings: readonly Planning[],
): Promise<Ending> {
  const outcome = await ask(pursuit, calls, plannings, 'conclude')
  if (outcome.kind !== 'answered') return outcome
  const { answer, by, times } = outcome
  const usage = addUsage(spentOn(calls), outcome.usage)
  return { kind: 'completed', result: answer.text, usage, by, lastCall: times }
}

function ask(
  { run, spec, goal, inputs, deps }: Pursuit,
  calls: readonly JournaledCall[],
  plannings: readonly Planning[],
  purpose: 'plan' | 'conclude',
) {
  const asked = {
    step: nextStep(calls),
    spent: spentOn(calls),
    messages: goalConversation(spec, goal, plannings, inputs, purpose),
    tools: [],
    toolsOptional: true,
    responseSchema: purpose === 'plan' ? planSchema(goal.roles, PLAN_LIMITS) : undefined,
  }
  return callModel(run, spec, asked, deps)
}

function spentOn(calls: readonly JournaledCall[]): Usage {
  return calls.reduce((sum, call) => addUsage(sum, call.usage), NO_USAGE)
}

function nextStep(calls: readonly JournaledCall[]): number {
  return calls.reduce((next, { step }) => Math.max(next, step + 1), 0)
}

/** Converts the steps of a plan to tasks; each gets the definition of its role and the goal as background. */
function childSpecs(
  goalId: string,
  step: number,
  spec: TaskSpec,
  goal: GoalSpec,
  { steps }: Plan,
): TaskSpec[] {
  const ids = new Map(steps.map(({ id }, position) => [id, childTaskId(goalId, step, position)]))
  return steps.map(({ role, task, dependsOn }) => {
    const needs = dependsOn.flatMap((id) => ids.get(id) ?? [])
    const work = { task, agent: role, context: { goal: spec.task }, dependsOn: needs }
    return childSpec(spec, teamAgent(goal.team, role), work)
  })
}
