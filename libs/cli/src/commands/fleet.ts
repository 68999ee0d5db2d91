import { plural } from '@agentfleet/domain'
import type { Command } from '../command.ts'
import type { ExitCode } from '../exit.ts'
import { notOneOf, oneArgument } from '../parse/values.ts'
import { fleetPage, nodePage } from '../render/fleet-views.ts'
import { printOne, showOne, WATCH_OPTION } from '../watching.ts'

/** `agentfleet fleet`: the nodes and whether work flows. */
export const fleet: Command = {
  name: 'fleet',
  summary: 'show whether tasks run and which nodes and providers work, or show or drain a node',
  usages: ['fleet [--watch]', 'fleet node [--watch] NODE', 'fleet drain NODE'],
  words: ['node', 'drain'],
  options: { watch: WATCH_OPTION },
  async run(context, input): Promise<ExitCode> {
    const { client } = context
    const [word, ...rest] = input.args
    if (word === 'drain') {
      const node = await client.drainNode(oneArgument(rest, 'The name of the node is missing.'))
      return printOne(context, node, () => `${node.id} finishes its ${plural(node.active, 'task')}`)
    }
    if (word === 'node') {
      const id = oneArgument(rest, 'The name of the node is missing.')
      return showOne(context, () => client.node(id), nodePage)
    }
    if (word !== undefined) throw notOneOf(word, fleet)
    return showOne(context, () => client.fleet({ history: false }), fleetPage)
  },
}
