import { given, plural } from '@agentfleet/domain'
import type { BulkCancelRequest } from '@agentfleet/protocol'
import { flag, takes, type Command, type Context, type Input } from '../command.ts'
import { EXIT, UsageError, type ExitCode } from '../exit.ts'
import { isSet, textOf } from '../parse/values.ts'
import { pagesOf, type From } from '../pages.ts'
import { safe } from '../render/text.ts'
import { printOne } from '../watching.ts'
import { forEachTask } from '../each-task.ts'
import {
  FILTER_OPTIONS,
  filtersOf,
  NO_MATCH,
  periodText,
  OPEN_STATES,
  STATE_OPTION,
  statesOf,
  TIME_NOTE,
  WAITING_OPTIONS,
} from './filters.ts'

/** The gateway refuses it too, in the words of the API. */
const NO_FILTER =
  'Give at least one filter with --all, such as --agent NAME. To cancel every unfinished task, run "agentfleet cancel --all --state waiting --state queued --state running --state retrying".'

/** `agentfleet cancel`: ends tasks. */
export const cancel: Command = {
  name: 'cancel',
  summary: 'cancel tasks by their ids, or all tasks that match the filters',
  usages: ['cancel [--reason TEXT] TASK_ID…', 'cancel --all [--dry-run] [--reason TEXT] [filters]'],
  options: {
    all: flag('cancel every unfinished task that matches the filters; needs at least one'),
    'dry-run': flag('cancel nothing; print the tasks that match'),
    reason: takes('TEXT', 'store TEXT as the error message of each cancelled task'),
    state: { ...STATE_OPTION, choices: OPEN_STATES },
    ...FILTER_OPTIONS,
    ...WAITING_OPTIONS,
  },
  notes: ['You can repeat the command safely: a cancelled task stays cancelled.', TIME_NOTE],
  async run(context, input): Promise<ExitCode> {
    if (isSet(input, 'all')) return cancelAll(context, input)
    const { client } = context
    const reason = textOf(input, 'reason')
    return forEachTask(context, input.args, async (taskId) => {
      // Only the cancellation of many tasks takes a reason; a cancelled task can be cancelled again for its view.
      if (reason !== undefined) await client.cancelAll({ taskIds: [taskId], reason })
      const view = await client.cancel(taskId)
      printOne(context, view, () => `${view.id} ${view.state}`)
    })
  },
}

async function cancelAll(context: Context, input: Input): Promise<ExitCode> {
  const dryRun = isSet(input, 'dry-run')
  const filters = { ...filtersOf(input, context.nowMs()), ...statesOf(input, OPEN_STATES) }
  if (Object.keys(filters).length === 0) throw new UsageError(NO_FILTER)
  const query: BulkCancelRequest = {
    ...filters,
    ...given({ reason: textOf(input, 'reason') }),
    dryRun,
  }
  const request = (from: From) => context.client.cancelAll({ ...query, ...from })
  const sums = { matched: 0, cancelled: 0, failed: 0 }
  for await (const page of pagesOf(context, request)) {
    sums.matched += page.matched
    sums.cancelled += page.cancelled
    sums.failed += page.failed.length
    for (const taskId of page.taskIds) printOne(context, { taskId, dryRun }, () => taskId)
    for (const { taskId, problem } of page.failed) {
      context.note(`The task ${taskId} was not cancelled:  ${safe(problem.detail)}`)
    }
    context.progress(`${plural(sums.matched, 'task')} so far`)
  }
  if (sums.matched === 0) context.note(NO_MATCH)
  context.note(
    dryRun
      ? `${plural(sums.matched, 'task')} would be cancelled${periodText(query)}`
      : `${plural(sums.cancelled, 'task')} cancelled${periodText(query)}`,
  )
  return sums.failed === 0 ? EXIT.done : EXIT.failed
}
