import type { FleetTopic } from '@agentfleet/protocol'
import type { Command, Context, Option } from '../command.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { choiceOf, given, isSet, oneArgument, textOf, wholeOf } from '../parse/values.ts'
import {
  decisionDetails,
  decisionTable,
  incidentDetails,
  incidentTable,
} from '../render/record-views.ts'
import { jsonLine } from '../render/text.ts'
import { printOne } from '../watching.ts'

const LIMIT = { min: 1, max: 200 }
const ROWS_DEFAULT = 20
const INCIDENT_STATES = ['open', 'closed'] as const
const LIMIT_OPTION: Option = {
  type: 'string',
  short: 'n',
  value: 'N',
  help: `print at most N rows (default ${ROWS_DEFAULT}, at most ${LIMIT.max})`,
}
const FOLLOW_OPTION: Option = {
  type: 'boolean',
  short: 'w',
  help: 'print the list, and after it each new record until Ctrl-C',
}

/** `agentfleet decisions`: why the fleet did something. */
export const decisions: Command = {
  name: 'decisions',
  summary: 'list decisions of the control plane, or explain one decision',
  usages: ['decisions [options]', 'decisions DECISION_ID'],
  options: {
    service: {
      type: 'string',
      value: 'NAME',
      help: 'print decisions of the service NAME, such as autoscaler',
    },
    kind: { type: 'string', value: 'KIND', help: 'print decisions of the kind KIND' },
    about: {
      type: 'string',
      value: 'ID',
      help: 'print decisions about the node, task or deployment ID',
    },
    limit: LIMIT_OPTION,
    watch: FOLLOW_OPTION,
  },
  async run(context, input): Promise<ExitCode> {
    const { client, signal } = context
    if (input.args.length > 0) {
      const view = await client.decision(
        oneArgument(input.args, 'The id of the decision is missing.'),
        { signal },
      )
      printOne(context, view, () => decisionDetails(view, context))
      return EXIT.done
    }
    const page = await client.decisions({
      ...given({
        service: textOf(input, 'service'),
        kind: textOf(input, 'kind'),
        about: textOf(input, 'about'),
      }),
      limit: wholeOf(input, 'limit', LIMIT) ?? ROWS_DEFAULT,
      signal,
    })
    printRows(context, page.decisions, () =>
      decisionTable(page.decisions, context, context.nowMs()),
    )
    return isSet(input, 'watch') ? followTopic(context, 'decisions') : EXIT.done
  },
}

/** `agentfleet incidents`: nodes that failed, and how the fleet handled that. */
export const incidents: Command = {
  name: 'incidents',
  summary: 'list failures of nodes, or show how the fleet handled one failure',
  usages: ['incidents [options]', 'incidents INCIDENT_ID'],
  options: {
    state: {
      type: 'string',
      short: 's',
      value: 'STATE',
      choices: INCIDENT_STATES,
      help: 'print incidents in the state STATE',
    },
    node: { type: 'string', value: 'NODE', help: 'print incidents of the node NODE' },
    limit: LIMIT_OPTION,
    watch: FOLLOW_OPTION,
  },
  async run(context, input): Promise<ExitCode> {
    const { client, signal } = context
    if (input.args.length > 0) {
      const view = await client.incident(
        oneArgument(input.args, 'The id of the incident is missing.'),
        { signal },
      )
      printOne(context, view, () => incidentDetails(view, context))
      return EXIT.done
    }
    const page = await client.incidents({
      ...given({
        state: choiceOf(input, 'state', INCIDENT_STATES),
        node: textOf(input, 'node'),
      }),
      limit: wholeOf(input, 'limit', LIMIT) ?? ROWS_DEFAULT,
      signal,
    })
    printRows(context, page.incidents, () =>
      incidentTable(page.incidents, context, context.nowMs()),
    )
    return isSet(input, 'watch') ? followTopic(context, 'incidents') : EXIT.done
  },
}

function printRows(context: Context, rows: readonly unknown[], text: () => string): void {
  if (context.json) for (const row of rows) context.print(jsonLine(row))
  else context.print(rows.length === 0 ? 'None.' : text())
}

/** Prints new items of a topic until the user stops it. */
async function followTopic(context: Context, topic: FleetTopic): Promise<ExitCode> {
  for await (const frame of context.client.follow([topic], { signal: context.signal })) {
    if (frame.type === 'decision') {
      const { decision } = frame
      printOne(context, decision, () => rowsOf(decisionTable([decision], context, context.nowMs())))
    } else if (frame.type === 'incident') {
      const { incident } = frame
      printOne(context, incident, () => rowsOf(incidentTable([incident], context, context.nowMs())))
    }
  }
  return EXIT.done
}

/** A table without its headings. */
function rowsOf(text: string): string {
  return text.slice(text.indexOf('\n') + 1)
}
