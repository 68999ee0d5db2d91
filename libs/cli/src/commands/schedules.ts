import { randomUUID } from 'node:crypto'
import type { ScheduleRequest } from '@agentfleet/protocol'
import type { Command, Context } from '../command.ts'
import { EXIT, UsageError, type ExitCode } from '../exit.ts'
import { given, isSet, jsonOf, oneArgument, textOf } from '../parse/values.ts'
import { time } from '../render/formats.ts'
import { scheduleDetails, scheduleTable } from '../render/work-views.ts'
import { printOne, showView, WATCH_OPTION } from '../watching.ts'

/** `agentfleet schedules`: tasks that a clock submits. */
export const schedules: Command = {
  name: 'schedules',
  summary: 'list, show, change, pause, run and delete schedules; preview a cron expression',
  usages: [
    'schedules [ls] [--watch]',
    'schedules get NAME',
    'schedules put NAME FILE',
    'schedules pause|resume NAME',
    'schedules run NAME',
    'schedules rm NAME',
    'schedules preview [--zone ZONE] CRON',
  ],
  words: ['ls', 'get', 'put', 'pause', 'resume', 'run', 'rm', 'preview'],
  options: {
    zone: { type: 'string', value: 'ZONE', help: 'time zone of the preview (default UTC)' },
    watch: WATCH_OPTION,
  },
  notes: ['FILE holds the body of PUT /v1/schedules/NAME as JSON; - is the standard input.'],
  async run(context, input): Promise<ExitCode> {
    const { client, signal } = context
    const [word = 'ls', ...rest] = input.args
    switch (word) {
      case 'ls':
        return showView(context, isSet(input, 'watch'), async () => {
          const objects = await client.schedules({ signal })
          return { objects, text: scheduleTable(objects, context, context.nowMs()) }
        })
      case 'get': {
        const view = await client.schedule(oneArgument(rest, 'name of the schedule'), { signal })
        printOne(context, view, () => scheduleDetails(view, context, context.nowMs()))
        return EXIT.done
      }
      case 'put': {
        const [name, file = '-', ...more] = rest
        if (name === undefined || more.length > 0) {
          throw new UsageError('Give a name and a file: agentfleet schedules put NAME FILE')
        }
        return store(context, name, jsonOf(await context.read(file), file) as ScheduleRequest)
      }
      case 'pause':
      case 'resume': {
        const name = oneArgument(rest, 'name of the schedule')
        const { cron, timeZone, overlap, task } = await client.schedule(name, { signal })
        return store(context, name, { cron, timeZone, overlap, task, paused: word === 'pause' })
      }
      case 'run': {
        const name = oneArgument(rest, 'name of the schedule')
        const view = await client.runSchedule(name, { idempotencyKey: randomUUID(), signal })
        printOne(context, view, () => view.id)
        return EXIT.done
      }
      case 'rm': {
        const name = oneArgument(rest, 'name of the schedule')
        await client.deleteSchedule(name, { signal })
        printOne(context, { name, deleted: true }, () => `${name} deleted`)
        return EXIT.done
      }
      case 'preview': {
        const cron = oneArgument(rest, 'cron expression (quote it)')
        const timeZone = textOf(input, 'zone')
        const ticks = await client.previewSchedule({ cron, ...given({ timeZone }) }, { signal })
        printOne(context, { cron, ticks }, () => ticks.map((tick) => time(tick)).join('\n'))
        return EXIT.done
      }
      default:
        throw new UsageError(`"${word}" is none of ls, get, put, pause, resume, run, rm, preview.`)
    }
  },
}

async function store(context: Context, name: string, request: ScheduleRequest): Promise<ExitCode> {
  const view = await context.client.putSchedule(name, request, { signal: context.signal })
  printOne(context, view, () => scheduleDetails(view, context, context.nowMs()))
  return EXIT.done
}
