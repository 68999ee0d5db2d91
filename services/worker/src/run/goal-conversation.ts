import type { GoalSpec, Planning, TaskInput, TaskSpec } from '@agentfleet/domain'
import { PLAN_LIMITS, SHIPPED_AGENTS, teamAgent } from '@agentfleet/domain'
import type { Message } from './conversation.ts'

/**
 * The conversation with the planner of a goal. Pure: the same plannings and results give the same conversation.
 * A goal has one conversation: the plan, its results, and then the next plan or the combined answer.
 */

/** Characters of a result that the planner sees: twenty results are 80,000. */
const RESULT_CHARS_MAX = 4_000

/** Returns the conversation up to the next question. */
export function goalConversation(
  spec: TaskSpec,
  goal: GoalSpec,
  plannings: readonly Planning[],
  inputs: readonly TaskInput[],
  asked: 'plan' | 'conclude',
): Message[] {
  const messages: Message[] = [
    { role: 'system', content: planner(spec) },
    { role: 'user', content: opening(spec, goal) },
  ]
  for (const [index, planning] of plannings.entries()) {
    messages.push({ role: 'assistant', content: planning.text })
    const last = index === plannings.length - 1
    if (!last || asked === 'plan') messages.push({ role: 'user', content: reply(planning, inputs) })
    else messages.push({ role: 'user', content: closing(plannings, inputs) })
  }
  return messages
}

function planner({ agent, systemPrompt }: TaskSpec): string {
  return `You are the agent "${agent}".\n\n${systemPrompt ?? SHIPPED_AGENTS['project-manager']?.systemPrompt ?? ''}`
}

function opening(spec: TaskSpec, goal: GoalSpec): string {
  const roles = goal.roles.map((name) => {
    const { description } = teamAgent(goal.team, name) ?? {}
    return description === undefined ? `- ${name}` : `- ${name}: ${description}`
  })
  const context = spec.context === undefined ? [] : [`Context:\n${JSON.stringify(spec.context)}`]
  return [
    `Plan how to reach this goal:\n${spec.task}`,
    ...context,
    `One of the following agents does each step; use its exact name as the role:\n${roles.join('\n')}`,
    `A plan has at most ${PLAN_LIMITS.stepsMax} steps, and a chain of steps that depend on each other has at most ${PLAN_LIMITS.depthMax}. A step starts when the steps in its "dependsOn" have ended, and its agent gets their results; steps that do not depend on each other run at the same time. Write each "task" so that the agent can do it without seeing the other tasks.`,
    'Answer only with JSON of this form: {"summary": "…", "steps": [{"id": "…", "role": "…", "task": "…", "dependsOn": ["…"]}]}.',
  ].join('\n\n')
}

function reply(planning: Planning, inputs: readonly TaskInput[]): string {
  const { check } = planning
  if (check.kind === 'invalid') {
    return `This plan cannot run:\n- ${check.problems.join('\n- ')}\n\nAnswer with a corrected plan.`
  }
  return `The plan has run, and its steps ended as follows:\n\n${outcomes(planning, inputs)}\n\nAnswer with a new plan for the remaining work; the results of completed steps are kept, so do not plan these steps again.`
}

function closing(plannings: readonly Planning[], inputs: readonly TaskInput[]): string {
  const results = plannings
    .map((planning) => outcomes(planning, inputs))
    .filter((text) => text !== '')
    .join('\n\n')
  return `The steps have ended:\n\n${results}\n\nCombine the results into one answer to the goal. Send only this answer.`
}

function outcomes({ check, taskIds }: Planning, inputs: readonly TaskInput[]): string {
  if (check.kind === 'invalid') return ''
  return check.plan.steps
    .flatMap(({ id, role }, position) => {
      const input = inputs.find(({ taskId }) => taskId === taskIds[position])
      return input === undefined ? [] : [`Step "${id}" (${role}), ${outcome(input)}`]
    })
    .join('\n\n')
}

function outcome({ state, result, error, note }: TaskInput): string {
  if (error !== undefined) return `${state}: ${error.message}`
  if (result === undefined) return `${state}: ${note ?? ''}`
  const text = typeof result === 'string' ? result : JSON.stringify(result)
  return `${state}:\n${text.slice(0, RESULT_CHARS_MAX)}`
}
