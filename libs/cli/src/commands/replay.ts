import { given, plural } from '@agentfleet/domain'
import { randomUUID } from 'node:crypto'
import { flag, takes, type Command, type Context, type Input } from '../command.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { choiceOf, isSet } from '../parse/values.ts'
import { pagesOf, type From } from '../pages.ts'
import { withOwnKey } from '../patience.ts'
import { jsonLine, safe } from '../render/text.ts'
import { printOne } from '../watching.ts'
import { forEachTask } from '../each-task.ts'
import {
  ENDED_OPTIONS,
  ENDINGS,
  FILTER_OPTIONS,
  filtersOf,
  NO_MATCH,
  periodText,
  TIME_NOTE,
} from './filters.ts'

const FROM = ['start', 'journal'] as const

/** `agentfleet replay`: runs ended tasks again. */
export const replay: Command = {
  name: 'replay',
  summary: 'run ended tasks again as new tasks',
  usages: ['replay [--from WHERE] TASK_ID…', 'replay --all [--dry-run] [--from WHERE] [filters]'],
  options: {
    from: takes(
      'WHERE',
      'journal: the new task continues after the last finished call of the old task',
      { choices: FROM },
    ),
    all: flag('replay every ended task that matches the filters'),
    state: takes('STATE', 'choose tasks that ended in the state STATE (default failed)', {
      short: 's',
      choices: ENDINGS,
    }),
    'dry-run': flag('replay nothing; print how many tasks match'),
    ...FILTER_OPTIONS,
    ...ENDED_OPTIONS,
  },
  notes: [TIME_NOTE],
  async run(context, input): Promise<ExitCode> {
    if (isSet(input, 'all')) return replayAll(context, input)
    const ask = given({ from: choiceOf(input, 'from', FROM) })
    return forEachTask(context, input.args, async (taskId) => {
      const options = { idempotencyKey: randomUUID() }
      const view = await withOwnKey(context, () => context.client.replay(taskId, ask, options))
      printOne(context, view, () => view.id)
    })
  },
}

async function replayAll(context: Context, input: Input): Promise<ExitCode> {
  const dryRun = isSet(input, 'dry-run')
  const query = {
    ...filtersOf(input, context.nowMs()),
    ...given({ from: choiceOf(input, 'from', FROM), state: choiceOf(input, 'state', ENDINGS) }),
    dryRun,
  }
  const options = { idempotencyKey: randomUUID() }
  const request = (from: From) => context.client.replayAll({ ...query, ...from }, options)
  let replayed = 0
  let refused = 0
  let matched = 0
  for await (const page of pagesOf(context, request)) {
    matched += page.matched
    for (const result of page.results) {
      if (context.json) context.print(jsonLine(result))
      if (result.taskId === undefined) {
        refused += 1
        context.note(
          `The task ${result.replayOf} was not replayed:  ${safe(result.problem?.detail ?? '')}`,
        )
      } else {
        replayed += 1
        if (!context.json) context.print(`${result.replayOf} ${result.taskId}`)
      }
    }
    context.progress(`replayed ${replayed} tasks`)
  }
  context.progress('')
  if (matched === 0) context.note(NO_MATCH)
  context.note(
    dryRun
      ? `${plural(matched, 'task')} would be replayed${periodText(query)}`
      : `${plural(replayed, 'task')} replayed, ${refused} refused${periodText(query)}`,
  )
  return refused === 0 ? EXIT.done : EXIT.failed
}
