import { given, SPEC_LIMITS } from '@agentfleet/domain'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { GoalView } from '@agentfleet/protocol'
import { flag, takes, type Command, type Context, type Input } from '../command.ts'
import { EXIT, named, type ExitCode } from '../exit.ts'
import { isSet, listOf, notOneOf, oneArgument, textOf, wholeOf } from '../parse/values.ts'
import { PAGE_MAX } from '../pages.ts'
import { patiently, withOwnKey } from '../patience.ts'
import { goalDetails, goalTable } from '../render/work-views.ts'
import { printOne, showOne, showView, WATCH_OPTION } from '../watching.ts'
import { FILTER_OPTIONS, STATE_OPTION, taskFiltersOf, TIME_NOTE } from './filters.ts'
import { workOf, workOptions } from '../parse/work-options.ts'

/** A waiting command reads the goal again this often, milliseconds. */
const POLL_MS = 500
const ROWS_DEFAULT = 50

/** `agentfleet goals`: goals, which the fleet plans and runs as several tasks. */
export const goals: Command = {
  name: 'goals',
  summary: 'list goals, submit a goal, show its plan, or start a plan that waits for your approval',
  usages: [
    'goals [ls] [--state STATE] [--search TEXT] [--since TIME] [--until TIME] [--limit N] [--watch]',
    'goals submit [--hold] [--wait] [options] TEXT',
    'goals get [--watch] GOAL_ID',
    'goals run [--wait] GOAL_ID',
  ],
  words: ['ls', 'submit', 'get', 'run'],
  options: {
    model: takes('NAME', 'the planner uses the LLM NAME', { short: 'm' }),
    planner: takes('AGENT', 'the agent AGENT makes the plan'),
    role: takes('AGENT', 'the plan may use the agent AGENT', { multiple: true }),
    'max-replans': takes('N', 'the planner may replace its plan at most N times'),
    ...workOptions('goal'),
    hold: flag('only make the plan; "goals run" starts the plan later'),
    wait: flag('wait until the goal ends (with --hold, until its plan is made)'),
    watch: WATCH_OPTION,
    state: STATE_OPTION,
    search: FILTER_OPTIONS.search,
    since: FILTER_OPTIONS.since,
    until: FILTER_OPTIONS.until,
    limit: takes('N', `print at most N rows (default ${ROWS_DEFAULT})`, { short: 'n' }),
  },
  notes: [TIME_NOTE],
  async run(context, input): Promise<ExitCode> {
    const { client } = context
    const [word = 'ls', ...rest] = input.args
    switch (word) {
      case 'ls':
        return listGoals(context, input)
      case 'submit':
        return submitGoal(context, input, oneArgument(rest, 'The text of the goal is missing.'))
      case 'get': {
        const id = oneArgument(rest, 'The id of the goal is missing.')
        return showOne(context, () => client.goal(id), goalDetails)
      }
      case 'run': {
        const view = await client.runGoal(oneArgument(rest, 'The id of the goal is missing.'))
        return finish(context, view, isSet(input, 'wait'))
      }
      default:
        throw notOneOf(word, goals)
    }
  },
}

async function listGoals(context: Context, input: Input): Promise<ExitCode> {
  const limit = wholeOf(input, 'limit', { min: 1, max: PAGE_MAX }) ?? ROWS_DEFAULT
  return showView(context, async () => {
    const filters = taskFiltersOf(input, context.nowMs())
    const page = await context.client.goals({ ...filters, limit })
    const none =
      'No goal matches. Submit a goal with: agentfleet goals submit "Launch a small shop"'
    const text =
      page.goals.length === 0
        ? context.asCalled(none)
        : goalTable(page.goals, context, context.nowMs())
    return { objects: page.goals, text }
  })
}

async function submitGoal(context: Context, input: Input, goal: string): Promise<ExitCode> {
  const request = given({
    model: textOf(input, 'model'),
    planner: textOf(input, 'planner'),
    roles: listOf(input, 'role'),
    maxReplans: wholeOf(input, 'max-replans', { min: 0, max: SPEC_LIMITS.replansMax }),
    run: isSet(input, 'hold') ? false : undefined,
    ...workOf(input),
  })
  const idempotencyKey = textOf(input, 'idempotency-key') ?? randomUUID()
  const submit = () => context.client.submitGoal({ goal, ...request }, { idempotencyKey })
  const view = await withOwnKey(context, submit)
  return finish(context, view, isSet(input, 'wait'))
}

/** Prints the goal, if asked after it has ended or is held. */
async function finish(context: Context, first: GoalView, wait: boolean): Promise<ExitCode> {
  let view = named(first)
  if (wait) context.note(`goal ${view.id}`)
  while (wait && view.stage !== 'ended' && view.stage !== 'held') {
    await delay(POLL_MS, undefined, { signal: context.signal })
    view = await patiently(context, () => context.client.goal(view.id))
  }
  printOne(context, view, () => (wait ? goalDetails(view, context, context.nowMs()) : view.id))
  return view.state === 'failed' || view.state === 'cancelled' ? EXIT.taskFailed : EXIT.done
}
