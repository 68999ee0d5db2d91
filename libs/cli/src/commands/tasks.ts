import { given } from '@agentfleet/domain'
import type { ListQuery } from '@agentfleet/client'
import type { TaskSummary } from '@agentfleet/protocol'
import { flag, takes, type Command, type Context } from '../command.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { choiceOf, isSet, oneArgument, wholeOf } from '../parse/values.ts'
import { PAGE_MAX, pagesOf, type From } from '../pages.ts'
import { callDetails } from '../render/call-view.ts'
import { countTable, eventTable, taskDetails, taskTable } from '../render/task-views.ts'
import { jsonLine, safe, valueText } from '../render/text.ts'
import { printOne, showOne, showView, WATCH_OPTION } from '../watching.ts'
import {
  ENDED_OPTIONS,
  FILTER_OPTIONS,
  STATE_OPTION,
  taskFiltersOf,
  TIME_NOTE,
  WAITING_OPTIONS,
} from './filters.ts'

const ROWS_DEFAULT = 50
const ROWS_MAX = 1_000_000
/** The highest step that the API takes. */
const STEP_MAX = 1_000_000
const ORDERS = ['newest', 'oldest'] as const
const GROUPS = ['state', 'agent', 'model', 'priority', 'errorCode', 'node'] as const

/** `agentfleet ls`: tasks, newest first. */
export const ls: Command = {
  name: 'ls',
  summary: 'list or count tasks',
  usages: [
    'ls [--limit N] [--order ORDER] [--watch] [filters]',
    'ls --all [--order ORDER] [--watch] [filters]',
    'ls --count GROUP [--watch] [filters]',
  ],
  options: {
    state: STATE_OPTION,
    ...FILTER_OPTIONS,
    ...WAITING_OPTIONS,
    ...ENDED_OPTIONS,
    count: takes('GROUP', 'print the number of matching tasks for each value of GROUP', {
      choices: GROUPS,
    }),
    order: takes('ORDER', 'sort tasks by time of submission (default: newest first)', {
      choices: ORDERS,
    }),
    limit: takes('N', `print at most N rows (default ${ROWS_DEFAULT})`, { short: 'n' }),
    all: flag('print all rows, not only the first page'),
    watch: WATCH_OPTION,
  },
  notes: [TIME_NOTE],
  async run(context, input): Promise<ExitCode> {
    // Ages such as 2h move with the clock of a watched view.
    const filters = () => taskFiltersOf(input, context.nowMs())
    const order = given({ order: choiceOf(input, 'order', ORDERS) })
    const groupBy = choiceOf(input, 'count', GROUPS)
    if (groupBy !== undefined) {
      return showOne(context, () => context.client.count({ ...filters(), groupBy }), countTable)
    }
    const rows = isSet(input, 'all')
      ? ROWS_MAX
      : (wholeOf(input, 'limit', { min: 1, max: ROWS_MAX }) ?? ROWS_DEFAULT)
    const pages = () => taskPages(context, { ...filters(), ...order }, rows)
    if (context.json && !context.watch) {
      // Page by page: a list of a million tasks need not fit into memory, and its reader need not wait.
      for await (const { tasks } of pages()) for (const task of tasks) context.print(jsonLine(task))
      return EXIT.done
    }
    return showView(context, async () => {
      const tasks: TaskSummary[] = []
      let more = false
      for await (const page of pages()) {
        tasks.push(...page.tasks)
        more = page.more
        if (more) context.progress(`read ${tasks.length} tasks`)
      }
      context.progress('')
      const end = more ? `\n… more: add --limit ${rows * 10} or --all` : ''
      const none = 'No task matches. Submit a task with: agentfleet submit "Say hello"'
      const text =
        tasks.length === 0
          ? context.asCalled(none)
          : `${taskTable(tasks, context, context.nowMs())}${end}`
      return { objects: tasks, text }
    })
  },
}

/** Reads this many tasks, page by page; each page says whether more tasks match. */
async function* taskPages(
  context: Context,
  filters: ListQuery,
  rows: number,
): AsyncGenerator<{ readonly tasks: readonly TaskSummary[]; readonly more: boolean }, void, void> {
  let left = rows
  const read = (from: From) =>
    context.client.list({ ...filters, limit: Math.min(PAGE_MAX, left), ...from })
  for await (const { tasks, nextCursor } of pagesOf(context, read)) {
    left -= tasks.length
    yield { tasks, more: nextCursor !== undefined }
    if (left <= 0) return
  }
}

/** `agentfleet get`: everything about one task. */
export const get: Command = {
  name: 'get',
  summary: 'show the state, the reasons, the cost and the result of a task',
  usages: [
    'get [--watch] TASK_ID',
    'get --events [--watch] TASK_ID',
    'get --call STEP TASK_ID',
    'get --result TASK_ID',
  ],
  options: {
    events: flag('print the events of the task instead of its state', { short: 'e' }),
    call: takes(
      'STEP',
      'print what the finished call STEP got and answered (--events shows the steps)',
      { short: 'c' },
    ),
    result: flag('print only the result, so another program can read it', { short: 'r' }),
    watch: WATCH_OPTION,
  },
  async run(context, input): Promise<ExitCode> {
    const taskId = oneArgument(input.args, 'The id of the task is missing.')
    const { client } = context
    if (isSet(input, 'result')) {
      const { result, state } = await client.get(taskId)
      if (result === undefined) {
        context.note(`The task has no result: it is ${state}.`)
        return EXIT.taskFailed
      }
      return printOne(context, result, () => safe(valueText(result)))
    }
    const step = wholeOf(input, 'call', { min: 0, max: STEP_MAX })
    if (step !== undefined) {
      const call = await client.call(taskId, step)
      return printOne(context, call, () => callDetails(call, context))
    }
    if (isSet(input, 'events')) {
      return showView(context, async () => {
        const objects = await client.events(taskId)
        return { objects, text: eventTable(objects, context), newestLast: true }
      })
    }
    return showOne(context, () => client.get(taskId), taskDetails)
  },
}
