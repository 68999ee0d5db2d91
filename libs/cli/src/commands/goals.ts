import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { GoalView } from '@agentfleet/protocol'
import type { Command, Context, Input } from '../command.ts'
import { EXIT, UsageError, type ExitCode } from '../exit.ts'
import { given, isSet, oneArgument, textOf, textsOf } from '../parse/values.ts'
import { goalDetails } from '../render/work-views.ts'
import { printOne, showView, WATCH_OPTION } from '../watching.ts'

/** A waiting command reads the goal again this often, milliseconds. */
const POLL_MS = 500

/** `agentfleet goals`: goals, which the fleet plans and runs as several tasks. */
export const goals: Command = {
  name: 'goals',
  summary: 'submit a goal, show its plan, start a plan that waits for your consent',
  usages: ['goals submit [options] TEXT', 'goals get [--watch] GOAL_ID', 'goals run GOAL_ID'],
  words: ['submit', 'get', 'run'],
  options: {
    model: { type: 'string', short: 'm', value: 'NAME', help: 'LLM of the planner' },
    planner: { type: 'string', value: 'AGENT', help: 'agent that plans' },
    role: { type: 'string', value: 'AGENT', multiple: true, help: 'agent that the plan may use' },
    hold: { type: 'boolean', help: 'only make the plan; "goals run" starts it later' },
    wait: {
      type: 'boolean',
      help: 'wait until the goal ends (with --hold: until the plan is made)',
    },
    watch: WATCH_OPTION,
  },
  async run(context, input): Promise<ExitCode> {
    const { client, signal } = context
    const [word, ...rest] = input.args
    switch (word) {
      case 'submit':
        return submitGoal(context, input, oneArgument(rest, 'text of the goal'))
      case 'get': {
        const id = oneArgument(rest, 'id of the goal')
        return showView(context, isSet(input, 'watch'), async () => {
          const view = await client.goal(id, { signal })
          return { objects: [view], text: goalDetails(view, context, context.nowMs()) }
        })
      }
      case 'run': {
        const view = await client.runGoal(oneArgument(rest, 'id of the goal'), { signal })
        return finish(context, view, isSet(input, 'wait'))
      }
      case undefined:
      default:
        throw new UsageError('Say what to do: goals submit TEXT, goals get ID or goals run ID.')
    }
  },
}

async function submitGoal(context: Context, input: Input, goal: string): Promise<ExitCode> {
  const roles = textsOf(input, 'role')
  const request = given({
    goal,
    model: textOf(input, 'model'),
    planner: textOf(input, 'planner'),
    roles: roles.length === 0 ? undefined : [...roles],
    run: isSet(input, 'hold') ? false : undefined,
  })
  const view = await context.client.submitGoal(
    { ...request, goal },
    { idempotencyKey: randomUUID(), signal: context.signal },
  )
  return finish(context, view, isSet(input, 'wait'))
}

/** Prints the goal, if asked after it has ended or is held. */
async function finish(context: Context, first: GoalView, wait: boolean): Promise<ExitCode> {
  let view = first
  if (wait) context.note(`goal ${view.id}`)
  while (wait && view.stage !== 'ended' && view.stage !== 'held') {
    await delay(POLL_MS, undefined, { signal: context.signal })
    view = await context.client.goal(view.id, { signal: context.signal })
  }
  printOne(context, view, () => (wait ? goalDetails(view, context, context.nowMs()) : view.id))
  return view.state === 'failed' || view.state === 'cancelled' ? EXIT.taskFailed : EXIT.done
}
