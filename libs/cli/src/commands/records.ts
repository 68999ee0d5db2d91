import type { DecisionQuery } from '@agentfleet/client'
import { given } from '@agentfleet/domain'
import type { AuditPage, DecisionView, IncidentView } from '@agentfleet/protocol'
import { flag, takes, type Command, type Input, type Option } from '../command.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { showGrowing } from '../following.ts'
import { readKeys } from './keys.ts'
import { PAGE_MAX, pagesOf } from '../pages.ts'
import { choiceOf, oneArgument, textOf, textsOf, timeOf, wholeOf } from '../parse/values.ts'
import {
  decisionDetails,
  decisionTable,
  incidentDetails,
  incidentTable,
} from '../render/record-views.ts'
import { auditTable } from '../render/key-views.ts'
import { printAll, printOne } from '../watching.ts'
import { TIME_NOTE } from './filters.ts'

const LIMIT = { min: 1, max: PAGE_MAX }
const ROWS_DEFAULT = 20
/** With `--about` the command reads at most this many pages: the API cannot filter by what was changed. */
const AUDIT_PAGES_MAX = 50
const YES_OR_NO = ['yes', 'no'] as const
const AUDIT_KINDS = ['change', 'unknown', 'refusal'] as const
/** The kinds of events after which something may be different: a person must know unknown outcomes, too. */
const CHANGES = ['change', 'unknown'] as const
const INCIDENT_STATES = ['open', 'closed'] as const
const LIMIT_OPTION: Option = takes(
  'N',
  `print at most N rows (default ${ROWS_DEFAULT}, at most ${LIMIT.max})`,
  { short: 'n' },
)
const FOLLOW_OPTION: Option = flag('print the list, and after it each new record until Ctrl-C', {
  short: 'w',
})

/** `agentfleet decisions`: why the fleet did something. */
export const decisions: Command = {
  name: 'decisions',
  summary: 'list decisions of the control plane, or explain one decision',
  usages: ['decisions [options]', 'decisions DECISION_ID'],
  options: {
    service: takes('NAME', 'print decisions of the service NAME, such as autoscaler'),
    kind: takes('KIND', 'print decisions of the kind KIND'),
    about: takes('ID', 'print decisions about the node, task or deployment ID'),
    acted: takes('WORD', 'print decisions on which the service acted (yes) or did not act (no)', {
      choices: YES_OR_NO,
    }),
    measured: takes('WORD', 'print decisions with a measured outcome (yes) or without one (no)', {
      choices: YES_OR_NO,
    }),
    since: takes('TIME', 'print decisions made at or after TIME'),
    until: takes('TIME', 'print decisions made before TIME'),
    limit: LIMIT_OPTION,
    watch: FOLLOW_OPTION,
  },
  notes: [TIME_NOTE],
  async run(context, input): Promise<ExitCode> {
    const { client } = context
    if (input.args.length > 0) {
      const id = oneArgument(input.args, 'The id of the decision is missing.')
      const view = await client.decision(id)
      return printOne(context, view, () => decisionDetails(view, context))
    }
    const filters = given({
      service: textOf(input, 'service'),
      kind: textOf(input, 'kind'),
      about: textOf(input, 'about'),
      acted: yesOrNo(input, 'acted'),
      measured: yesOrNo(input, 'measured'),
      from: timeOf(input, 'since', context.nowMs()),
      to: timeOf(input, 'until', context.nowMs()),
    })
    const limit = wholeOf(input, 'limit', LIMIT) ?? ROWS_DEFAULT
    return showGrowing<DecisionView>(context, {
      topic: 'decisions',
      read: async () => (await client.decisions({ ...filters, limit })).decisions,
      recordsIn: (frame) => (frame.type === 'decision' ? [frame.decision] : []),
      matches: (decision) => isAsked(decision, filters),
      version: ({ acted, outcomes }) => `${acted} ${outcomes.length}`,
      table: (decisions) => decisionTable(decisions, context, context.nowMs()),
    })
  },
}

/** Undefined without the option. */
function yesOrNo(input: Input, name: string): boolean | undefined {
  const word = choiceOf(input, name, YES_OR_NO)
  return word === undefined ? undefined : word === 'yes'
}

/** Whether the gateway would list a decision of the stream, which has no filters. */
function isAsked(decision: DecisionView, filters: DecisionQuery): boolean {
  const { service, kind, about, acted, outcomes, atMs } = decision
  return (
    service === (filters.service ?? service) &&
    kind === (filters.kind ?? kind) &&
    about === (filters.about ?? about) &&
    acted === (filters.acted ?? acted) &&
    outcomes.length > 0 === (filters.measured ?? outcomes.length > 0) &&
    (filters.from === undefined || atMs >= Date.parse(filters.from)) &&
    (filters.to === undefined || atMs < Date.parse(filters.to))
  )
}

/** `agentfleet incidents`: nodes that failed, and how the fleet handled that. */
export const incidents: Command = {
  name: 'incidents',
  summary: 'list failures of nodes, or show how the fleet handled one failure',
  usages: ['incidents [options]', 'incidents INCIDENT_ID'],
  options: {
    state: takes('STATE', 'print incidents in the state STATE', {
      short: 's',
      choices: INCIDENT_STATES,
    }),
    node: takes('NODE', 'print incidents of the node NODE'),
    limit: LIMIT_OPTION,
    watch: FOLLOW_OPTION,
  },
  async run(context, input): Promise<ExitCode> {
    const { client } = context
    if (input.args.length > 0) {
      const id = oneArgument(input.args, 'The id of the incident is missing.')
      const view = await client.incident(id)
      return printOne(context, view, () => incidentDetails(view, context))
    }
    const filters = given({
      state: choiceOf(input, 'state', INCIDENT_STATES),
      node: textOf(input, 'node'),
    })
    const limit = wholeOf(input, 'limit', LIMIT) ?? ROWS_DEFAULT
    return showGrowing<IncidentView>(context, {
      topic: 'incidents',
      read: async () => (await client.incidents({ ...filters, limit })).incidents,
      recordsIn: (frame) => (frame.type === 'incident' ? [frame.incident] : []),
      matches: ({ state, nodeId }) =>
        state === (filters.state ?? state) && nodeId === (filters.node ?? nodeId),
      version: ({ state, action, outcome, redistributed }) =>
        [state, action?.kind, action?.outcome, outcome?.kind, redistributed].join(' '),
      table: (incidents) => incidentTable(incidents, context, context.nowMs()),
    })
  },
}

/** `agentfleet audit`: who changed what, and which requests the gateway refused. */
export const audit: Command = {
  name: 'audit',
  summary: 'show who changed an agent, a schedule, a key or a task, or which requests were refused',
  usages: ['audit [options]'],
  options: {
    about: takes('ID', 'print events about the agent, task or key ID'),
    kind: takes('KIND', 'print events of the kind KIND (default: change and unknown)', {
      choices: AUDIT_KINDS,
      multiple: true,
    }),
    operation: takes('NAME', 'print events of the operation NAME, such as putAgent or drainNode'),
    by: takes('KEY_ID', 'print events of the key KEY_ID'),
    tenant: takes('NAME', 'print events of the tenant NAME'),
    limit: LIMIT_OPTION,
  },
  notes: [
    'The command needs a key with the scope admin.',
    'After a change with an unknown outcome, read the thing that ABOUT names.',
  ],
  async run(context, input): Promise<ExitCode> {
    const rows = wholeOf(input, 'limit', LIMIT) ?? ROWS_DEFAULT
    const kinds = textsOf(input, 'kind')
    const asked = AUDIT_KINDS.filter((kind) => kinds.includes(kind))
    const about = textOf(input, 'about')
    const filters = {
      ...given({
        operation: textOf(input, 'operation'),
        keyId: textOf(input, 'by'),
        tenant: textOf(input, 'tenant'),
      }),
      kind: asked.length > 0 ? asked : CHANGES,
      limit: about === undefined ? rows : LIMIT.max,
    }
    const events: AuditPage['events'][number][] = []
    let older: string | undefined
    let pages = 0
    for await (const page of pagesOf(context, (from) =>
      context.client.audit({ ...filters, ...from }),
    )) {
      events.push(...page.events.filter(({ target }) => about === undefined || target === about))
      older = page.nextCursor
      pages += 1
      if (events.length >= rows || pages >= AUDIT_PAGES_MAX) break
    }
    const shown = events.slice(0, rows)
    const names = context.json || shown.length === 0 ? [] : await readKeys(context, undefined)
    printAll(context, shown, () => auditTable(shown, names, context))
    if (older !== undefined && events.length < rows) {
      context.note(`Older events were not searched; --operation, --by or --tenant reach them.`)
    }
    return EXIT.done
  },
}
