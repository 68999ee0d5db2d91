import { given } from '@agentfleet/domain'
import { takes, type Command, type Input, type Option } from '../command.ts'
import { UsageError, type ExitCode } from '../exit.ts'
import { choiceOf, dayOf, textOf, timeOf, wholeOf } from '../parse/values.ts'
import {
  limitsTable,
  queueTable,
  statsTable,
  usageTable,
  type UsageGroup,
} from '../render/figure-views.ts'
import { showOne, showView, WATCH_OPTION } from '../watching.ts'
import { DAY_NOTE, TIME_NOTE } from './filters.ts'

const SCOPES = ['tenant', 'fleet'] as const
const STEPS = ['10s', '1m', '1h'] as const
const USAGE_GROUPS = ['model', 'agent', 'hour', 'tenant'] as const
const METADATA = 'metadata.'
/** Groups of the usage: those that the command prints, and those that one answer has at most. */
const GROUPS_SHOWN = 100
const GROUPS_MAX = 1_000
const STATS_GROUPS = ['agent', 'model', 'priority'] as const

const SCOPE_OPTION: Option = takes(
  'SCOPE',
  'fleet: show the figures of all tenants (only operators may ask for it)',
  { choices: SCOPES },
)

/** `agentfleet usage`: calls, tokens and cost. */
export const usage: Command = {
  name: 'usage',
  summary: 'show the calls, the tokens and the cost by model, agent, hour, metadata or tenant',
  usages: ['usage [options]'],
  options: {
    from: takes('DAY', 'begin with the day DAY (default: 29 days before the last day)'),
    to: takes('DAY', 'end with the day DAY (default: today)'),
    by: takes(
      'GROUP',
      'print a row for each value of GROUP: model (also by day, the default), agent, hour, metadata.KEY, or tenant (of the fleet)',
    ),
    limit: takes(
      'N',
      `print at most N agents, values or tenants (1 to ${GROUPS_MAX}, default ${GROUPS_SHOWN})`,
    ),
    scope: SCOPE_OPTION,
    watch: WATCH_OPTION,
  },
  notes: [DAY_NOTE],
  async run(context, input): Promise<ExitCode> {
    const groupBy = usageGroupOf(input)
    const limit = wholeOf(input, 'limit', { min: 1, max: GROUPS_MAX })
    const hasGroups = groupBy !== undefined && groupBy !== 'model' && groupBy !== 'hour'
    if (limit !== undefined && !hasGroups)
      throw new UsageError('--limit needs --by with agent, metadata.KEY or tenant.')
    const query = given({
      from: dayOf(input, 'from', context.nowMs()),
      to: dayOf(input, 'to', context.nowMs()),
      groupBy,
      top: hasGroups ? (limit ?? GROUPS_SHOWN) : undefined,
      // Only the usage of the fleet has several tenants.
      scope: groupBy === 'tenant' ? ('fleet' as const) : choiceOf(input, 'scope', SCOPES),
    })
    return showView(context, async () => {
      const report = await context.client.usage(query)
      return {
        objects: [report],
        text: usageTable(report, context, query.groupBy),
        newestLast: query.groupBy !== 'agent',
      }
    })
  },
}

function usageGroupOf(input: Input): UsageGroup | undefined {
  const text = textOf(input, 'by')
  if (text === undefined) return undefined
  if (text.startsWith(METADATA)) return `${METADATA}${text.slice(METADATA.length)}`
  const group = USAGE_GROUPS.find((one) => one === text)
  if (group !== undefined) return group
  throw new UsageError(
    `--by must be one of ${USAGE_GROUPS.join(', ')} or ${METADATA}KEY, not "${text}".`,
  )
}

/** `agentfleet stats`: what happened to tasks over time. */
export const stats: Command = {
  name: 'stats',
  summary:
    'show what happened to tasks over time, or to the tasks of each agent, model or priority',
  usages: ['stats [options]'],
  options: {
    from: takes('TIME', 'begin with the step at TIME (default: 60 steps before --to)'),
    to: takes('TIME', 'end with the step before TIME (default: now)'),
    step: takes('STEP', 'use steps of the length STEP', { choices: STEPS }),
    group: takes('GROUP', 'print the sums over all steps for each value of GROUP', {
      choices: STATS_GROUPS,
    }),
    scope: SCOPE_OPTION,
    watch: WATCH_OPTION,
  },
  notes: [TIME_NOTE],
  async run(context, input): Promise<ExitCode> {
    return showView(context, async () => {
      const nowMs = context.nowMs()
      const view = await context.client.stats(
        given({
          from: timeOf(input, 'from', nowMs),
          to: timeOf(input, 'to', nowMs),
          step: choiceOf(input, 'step', STEPS),
          groupBy: choiceOf(input, 'group', STATS_GROUPS),
          scope: choiceOf(input, 'scope', SCOPES),
        }),
      )
      return {
        objects: [view],
        text: statsTable(view, context),
        newestLast: view.groupBy === undefined,
      }
    })
  },
}

/** `agentfleet queues`: tasks that wait for a node. */
export const queues: Command = {
  name: 'queues',
  summary: 'show how many tasks of each priority wait for a node',
  usages: ['queues [options]'],
  options: { scope: SCOPE_OPTION, watch: WATCH_OPTION },
  async run(context, input): Promise<ExitCode> {
    return showView(context, async () => {
      const scope = choiceOf(input, 'scope', SCOPES)
      const view = await context.client.queues(scope)
      return { objects: view.queues, text: queueTable(view, context, context.nowMs()) }
    })
  },
}

/** `agentfleet limits`: the limits of the caller's tenant. */
export const limits: Command = {
  name: 'limits',
  summary: 'show your limits and how much of each limit you use',
  usages: ['limits [--watch]'],
  options: { watch: WATCH_OPTION },
  async run(context): Promise<ExitCode> {
    return showOne(context, () => context.client.limits(), limitsTable)
  },
}
