import {
  AGENT_PATTERN,
  definitionNameOf,
  SHIPPED_AGENTS,
  shippedAgent,
  type ChildRef,
  type Json,
  type TaskInput,
  type TaskSpec,
} from '@agentfleet/domain'
import { childTaskId } from '@agentfleet/protocol'
import { z } from 'zod'
import { childSpec } from '../run/child-spec.ts'
import { offerOf, wrong, type Tool, type ToolOutput } from './tool.ts'

/**
 * The tool with which an agent delegates work to other agents: a call creates tasks, the run waits
 * for them without its slot, and their results are the output. An agent gets it only if its `tools`
 * name it, because it multiplies the cost of a task.
 */

/** The name of the tool. */
const DELEGATE = 'delegate'
/** Tasks of one call: as many as a model can describe well. */
const TASKS_MAX = 20
const TASK_CHARS_MAX = 16_384

const delegateArguments = z.object({
  tasks: shortList(
    z.object({
      agent: z.string().regex(AGENT_PATTERN),
      task: z.string().min(1).max(TASK_CHARS_MAX),
      after: shortList(z.number().int().nonnegative()).optional(),
    }),
  ).refine((tasks) => tasks.length > 0, 'must have at least one task'),
})

/** A list whose length is checked before its items: each wrong item would be a problem in the answer. */
function shortList<Item extends z.ZodType>(item: Item) {
  return z.array(z.unknown()).max(TASKS_MAX).pipe(z.array(item))
}

/** The tool as the model sees it; the loop of the agent runs it. */
export const delegateTool: Tool = {
  offer: offerOf(
    DELEGATE,
    'The tool gives tasks to other agents and answers with the results of these tasks. Tasks that do not wait for other tasks run at the same time.',
    {
      type: 'object',
      additionalProperties: false,
      required: ['tasks'],
      properties: {
        tasks: {
          type: 'array',
          minItems: 1,
          maxItems: TASKS_MAX,
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['agent', 'task'],
            properties: {
              agent: {
                type: 'string',
                description: `The name of the agent, such as ${Object.keys(SHIPPED_AGENTS).join(', ')}.`,
              },
              task: {
                type: 'string',
                description: 'The text of the task with everything that the agent needs to know.',
              },
              after: {
                type: 'array',
                items: { type: 'integer' },
                description:
                  'The positions (counted from 0) of earlier tasks whose results this task needs.',
              },
            },
          },
        },
      },
    },
  ),
  source: 'run',
  timeoutMs: 0,
  approval: false,
  idempotent: true,
  run: () => Promise.resolve(wrong('only the run of a task can call the tool delegate')),
}

/** Returns the tasks that a call requests, or what is wrong with it. */
export function delegatedSpecs(
  args: unknown,
  goal: { readonly taskId: string; readonly step: number },
  spec: TaskSpec,
): readonly TaskSpec[] | ToolOutput {
  const parsed = delegateArguments.safeParse(args)
  if (!parsed.success) return wrong(`the arguments do not fit: ${z.prettifyError(parsed.error)}`)
  const { tasks } = parsed.data
  const early = tasks.findIndex(({ after = [] }, position) => after.some((of) => of >= position))
  if (early >= 0) return wrong(`task ${early} can depend only on earlier tasks`)
  return tasks.map(({ agent, task, after = [] }) => {
    const dependsOn = [...new Set(after)].map((at) => childTaskId(goal.taskId, goal.step, at))
    return childSpec(spec, shippedAgent(definitionNameOf(agent)), { task, agent, dependsOn })
  })
}

/** Returns the results of the tasks of a step for the model; undefined while a child has not ended. */
export function delegatedResults(
  children: readonly ChildRef[],
  inputs: readonly TaskInput[],
  charactersMax: number,
): ToolOutput | undefined {
  const ends = children.map(({ taskId }) => inputs.find((input) => input.taskId === taskId))
  if (ends.some((end) => end === undefined || end.state === 'unknown')) return undefined
  const each = Math.floor(charactersMax / Math.max(1, ends.length))
  const results = ends.map((end): Json => {
    const { state = 'unknown', result, error, note } = end ?? {}
    if (error !== undefined) return { state, error: error.message }
    const text = typeof result === 'string' ? result : JSON.stringify(result ?? note ?? null)
    return { state, result: text.slice(0, each) }
  })
  return { text: JSON.stringify(results), error: false }
}
