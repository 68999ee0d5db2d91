import type { Command } from '../command.ts'
import type { ExitCode } from '../exit.ts'
import { choiceOf, given, isSet, textOf } from '../parse/values.ts'
import { fleetPage } from '../render/fleet-views.ts'
import { usageTable } from '../render/work-views.ts'
import { showView, WATCH_OPTION } from '../watching.ts'

const SCOPES = ['tenant', 'fleet'] as const

/** `agentfleet fleet`: the nodes and whether work flows. */
export const fleet: Command = {
  name: 'fleet',
  summary: 'show whether work flows, the nodes and the providers',
  usages: ['fleet [--watch]'],
  options: { watch: WATCH_OPTION },
  run: async (context, input): Promise<ExitCode> =>
    showView(context, isSet(input, 'watch'), async () => {
      const view = await context.client.fleet({ history: false, signal: context.signal })
      return { objects: [view], text: fleetPage(view, context, context.nowMs()) }
    }),
}

/** `agentfleet usage`: calls, tokens and cost. */
export const usage: Command = {
  name: 'usage',
  summary: 'show calls, tokens and cost by day and model',
  usages: ['usage [options]'],
  options: {
    from: { type: 'string', value: 'DAY', help: 'first day (default: 29 days before the last)' },
    to: { type: 'string', value: 'DAY', help: 'last day (default: today)' },
    scope: {
      type: 'string',
      value: 'SCOPE',
      choices: SCOPES,
      help: 'fleet: of all tenants, for operators',
    },
    watch: WATCH_OPTION,
  },
  async run(context, input): Promise<ExitCode> {
    const query = given({
      from: textOf(input, 'from'),
      to: textOf(input, 'to'),
      scope: choiceOf(input, 'scope', SCOPES),
      signal: context.signal,
    })
    return showView(context, isSet(input, 'watch'), async () => {
      const report = await context.client.usage(query)
      return { objects: [report], text: usageTable(report, context) }
    })
  },
}
