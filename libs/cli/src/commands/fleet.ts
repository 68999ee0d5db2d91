import type { Command } from '../command.ts'
import { EXIT, UsageError, type ExitCode } from '../exit.ts'
import { choiceOf, given, isSet, oneArgument, textOf } from '../parse/values.ts'
import { counted } from '../render/formats.ts'
import { fleetPage } from '../render/fleet-views.ts'
import { usageTable } from '../render/work-views.ts'
import { printOne, showView, WATCH_OPTION } from '../watching.ts'

const SCOPES = ['tenant', 'fleet'] as const

/** `agentfleet fleet`: the nodes and whether work flows. */
export const fleet: Command = {
  name: 'fleet',
  summary: 'show whether tasks run, which nodes and providers work; drain a node',
  usages: ['fleet [--watch]', 'fleet drain NODE'],
  words: ['drain'],
  options: { watch: WATCH_OPTION },
  async run(context, input): Promise<ExitCode> {
    const { client, signal } = context
    const [word, ...rest] = input.args
    if (word === 'drain') {
      const node = await client.drainNode(oneArgument(rest, 'name of the node'), { signal })
      printOne(context, node, () => `${node.id} finishes its ${counted(node.active, 'task')}`)
      return EXIT.done
    }
    if (word !== undefined) throw new UsageError(`"${word}" is unknown here. Did you mean "drain"?`)
    return showView(context, isSet(input, 'watch'), async () => {
      const view = await client.fleet({ history: false, signal })
      return { objects: [view], text: fleetPage(view, context, context.nowMs()) }
    })
  },
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
      help: 'fleet: the usage of all tenants, for operators only',
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
