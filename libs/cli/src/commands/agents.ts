import { given } from '@agentfleet/domain'
import type { AgentDefinitionView } from '@agentfleet/protocol'
import { takes, type Command, type Context } from '../command.ts'
import { mustExist, UsageError, type ExitCode } from '../exit.ts'
import { jsonOf, notOneOf, oneArgument, placeOf, wholeOf } from '../parse/values.ts'
import {
  agentDetails,
  agentTable,
  modelTable,
  toolTable,
  versionTable,
} from '../render/work-views.ts'
import { printOne, showList, WATCH_OPTION } from '../watching.ts'

const VERSION = { min: 0, max: 1_000_000_000 }

/** `agentfleet agents`: the definitions of agents. */
export const agents: Command = {
  name: 'agents',
  summary: 'list, show, change and delete the definitions of agents',
  usages: [
    'agents [ls] [--watch]',
    'agents get [--version N] NAME',
    'agents versions [--watch] NAME',
    'agents put [--if-version N] NAME FILE',
    'agents rm [--if-version N] NAME',
    'agents tools|models [--watch]',
  ],
  words: ['ls', 'get', 'versions', 'put', 'rm', 'tools', 'models'],
  options: {
    version: takes('N', 'show the version N (default: the newest version)'),
    'if-version': takes(
      'N',
      'change the agent only if N is its newest version (0: only if no version exists)',
    ),
    watch: WATCH_OPTION,
  },
  notes: ['FILE holds the definition as JSON; - means the standard input.'],
  async run(context, input): Promise<ExitCode> {
    const { client } = context
    const [word = 'ls', ...rest] = input.args
    const ifVersion = given({ ifVersion: wholeOf(input, 'if-version', VERSION) })
    switch (word) {
      case 'ls':
        return showList(context, () => client.agents(), agentTable)
      case 'tools':
        return showList(context, () => client.tools(), toolTable)
      case 'models':
        return showList(context, () => client.models(), modelTable)
      case 'versions': {
        const name = oneArgument(rest, 'The name of the agent is missing.')
        return showList(context, () => client.agentVersions(name), versionTable)
      }
      case 'get': {
        const version = wholeOf(input, 'version', VERSION)
        const name = oneArgument(rest, 'The name of the agent is missing.')
        const view = await client.agent(name, given({ version }))
        return printOne(context, view, () => agentDetails(view, context))
      }
      case 'put': {
        const [name, file] = rest
        if (name === undefined || file === undefined) {
          throw new UsageError(
            'Give a name and a file: agentfleet agents put NAME FILE (- means the standard input).',
          )
        }
        const definition = jsonOf(await context.read(file), placeOf(file)) as AgentDefinitionView
        const view = await client.putAgent(name, definition, ifVersion)
        await noteMissingTools(context, view.definition.tools)
        return printOne(context, view, () => `${view.name} version ${view.version}`)
      }
      case 'rm': {
        const name = oneArgument(rest, 'The name of the agent is missing.')
        await mustExist(() => client.agent(name))
        await client.deleteAgent(name, ifVersion)
        return printOne(context, { name, deleted: true }, () => `${name} deleted`)
      }
      default:
        throw notOneOf(word, agents)
    }
  },
}

/** A definition may name tools that come later; until then the gateway refuses every task of the agent. */
async function noteMissingTools(
  { client, note }: Context,
  tools: readonly string[] = [],
): Promise<void> {
  if (tools.length === 0) return
  // The key may not be allowed to list tools; the definition is stored in any case.
  const offered = await client.tools().catch(() => undefined)
  if (offered === undefined) return
  const names = new Set(offered.map(({ name }) => name))
  const missing = tools.filter((name) => !name.endsWith('*') && !names.has(name))
  if (missing.length === 0) return
  note(
    `No node offers ${missing.join(', ')} now, so the gateway refuses tasks of this agent. "agentfleet agents tools" lists the tools.`,
  )
}
