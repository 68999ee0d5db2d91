import { given } from '@agentfleet/domain'
import { randomUUID } from 'node:crypto'
import type { ScheduleRequest } from '@agentfleet/protocol'
import { takes, type Command, type Context } from '../command.ts'
import { mustExist, UsageError, type ExitCode } from '../exit.ts'
import { jsonOf, notOneOf, oneArgument, placeOf, textOf, wholeOf } from '../parse/values.ts'
import { time } from '../render/formats.ts'
import { scheduleDetails, scheduleTable, tickTable } from '../render/work-views.ts'
import { printOne, showList, showOne, WATCH_OPTION } from '../watching.ts'

const VERSION = { min: 0, max: Number.MAX_SAFE_INTEGER }

const TICKS = { min: 1, max: 100 }
/** What the API takes without a number. */
const TICKS_DEFAULT = 10

/** `agentfleet schedules`: tasks that a clock submits. */
export const schedules: Command = {
  name: 'schedules',
  summary: 'list, show, change, pause, run and delete schedules; preview a cron expression',
  usages: [
    'schedules [ls] [--watch]',
    'schedules get NAME',
    'schedules put [--if-version N] NAME FILE',
    'schedules pause|resume NAME',
    'schedules run NAME',
    'schedules ticks [--count N] [--watch] NAME',
    'schedules rm [--if-version N] NAME',
    'schedules preview [--zone ZONE] [--count N] CRON',
  ],
  words: ['ls', 'get', 'put', 'pause', 'resume', 'run', 'ticks', 'rm', 'preview'],
  options: {
    'if-version': takes(
      'N',
      'change the schedule only if N is its newest version (0: only if it does not exist)',
    ),
    zone: takes('ZONE', 'use the time zone ZONE for the preview (default UTC)'),
    count: takes('N', `print at most N times in each direction (default ${TICKS_DEFAULT})`),
    watch: WATCH_OPTION,
  },
  notes: ['FILE holds the body of PUT /v1/schedules/NAME as JSON; - means the standard input.'],
  async run(context, input): Promise<ExitCode> {
    const { client } = context
    const [word = 'ls', ...rest] = input.args
    const expected = given({ ifVersion: wholeOf(input, 'if-version', VERSION) })
    const count = given({ count: wholeOf(input, 'count', TICKS) })
    switch (word) {
      case 'ls':
        return showList(context, () => client.schedules(), scheduleTable)
      case 'get': {
        const name = oneArgument(rest, 'The name of the schedule is missing.')
        const view = await client.schedule(name)
        return printOne(context, view, () => scheduleDetails(view, context, context.nowMs()))
      }
      case 'put': {
        const [name, file] = rest
        if (name === undefined || file === undefined) {
          throw new UsageError(
            'Give a name and a file: agentfleet schedules put NAME FILE (- means the standard input).',
          )
        }
        const request = jsonOf(await context.read(file), placeOf(file)) as ScheduleRequest
        return store(context, name, request, expected)
      }
      case 'pause':
      case 'resume': {
        const name = oneArgument(rest, 'The name of the schedule is missing.')
        const view = await client.schedule(name)
        const { cron, timeZone, overlap, task, version } = view
        const request = { cron, timeZone, overlap, task, paused: word === 'pause' }
        // The request must not undo a change that another client has made in between.
        return store(context, name, request, { ifVersion: version })
      }
      case 'run': {
        const name = oneArgument(rest, 'The name of the schedule is missing.')
        const view = await client.runSchedule(name, { idempotencyKey: randomUUID() })
        return printOne(context, view, () => view.id)
      }
      case 'ticks': {
        const name = oneArgument(rest, 'The name of the schedule is missing.')
        return showOne(context, () => client.scheduleTicks(name, count), tickTable)
      }
      case 'rm': {
        const name = oneArgument(rest, 'The name of the schedule is missing.')
        await mustExist(() => client.schedule(name))
        await client.deleteSchedule(name, expected)
        return printOne(context, { name, deleted: true }, () => `${name} deleted`)
      }
      case 'preview': {
        const cron = oneArgument(rest, 'The cron expression is missing.')
        const zone = given({ timeZone: textOf(input, 'zone') })
        const ticks = await client.previewSchedule({ cron, ...zone, ...count })
        return printOne(context, { cron, ticks }, () => ticks.map((tick) => time(tick)).join('\n'))
      }
      default:
        throw notOneOf(word, schedules)
    }
  },
}

async function store(
  context: Context,
  name: string,
  request: ScheduleRequest,
  expected: { readonly ifVersion?: number },
): Promise<ExitCode> {
  const view = await context.client.putSchedule(name, request, expected)
  return printOne(context, view, () => scheduleDetails(view, context, context.nowMs()))
}
