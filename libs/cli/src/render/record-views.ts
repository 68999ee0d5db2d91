import { age, count, duration, plural } from '@agentfleet/domain'
import type { DecisionView, IncidentView } from '@agentfleet/protocol'
import { time } from './formats.ts'
import { fields, listing, right, stateCell, table, type Look } from './table.ts'

/** Decisions of the control plane, one a row. */
export function decisionTable(
  decisions: readonly DecisionView[],
  look: Look,
  nowMs: number,
): string {
  return listing(decisions, look, [
    ['ID', ({ id }) => id],
    [right('AGE'), ({ atMs }) => age(atMs, nowMs)],
    ['SERVICE', ({ service }) => service],
    ['KIND', ({ kind }) => kind],
    ['ABOUT', ({ about }) => about ?? '—'],
    ['ACTED', ({ acted }) => (acted ? 'yes' : { text: 'no', tone: 'dim' })],
    ['REASON', ({ reason }) => reason],
  ])
}

/** One decision: what the service saw, its options, and the measured outcomes. */
export function decisionDetails(decision: DecisionView, look: Look): string {
  const { policy, options, inputs, outcomes, advice } = decision
  const head = fields(
    [
      ['id', decision.id],
      ['at', time(decision.atMs)],
      ['by', `${decision.by} (${decision.service})`],
      ['decided', `${decision.kind}: ${decision.reason}`],
      ['about', decision.about],
      ['acted', decision.acted ? 'yes' : 'no'],
      ['policy', `${policy.kind}: ${policy.reason}`],
      ['adviser', advice && `${advice.outcome} (${advice.mode}, ${advice.model})`],
      ['saw', figuresText(inputs)],
    ],
    look,
  )
  const parts = [head]
  if (options.length > 0) {
    const rows = options.map(({ kind, reason, figures }) => [kind, figuresText(figures), reason])
    parts.push(table(['OPTION', 'FIGURES', 'REASON'], rows, look))
  }
  if (outcomes.length > 0) {
    const rows = outcomes.map(({ afterMinutes, figures }) => [
      plural(afterMinutes, 'minute'),
      figuresText(figures),
    ])
    parts.push(table(['AFTER', 'MEASURED'], rows, look))
  }
  return parts.join('\n\n')
}

function figuresText(figures: Readonly<Record<string, number | string | boolean>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? figure(name, value) : value}`)
    .join(', ')
}

function figure(name: string, value: number): string {
  return name.endsWith('AtMs') ? time(value) : count(value)
}

/** Incidents, one a row. */
export function incidentTable(
  incidents: readonly IncidentView[],
  look: Look,
  nowMs: number,
): string {
  return listing(incidents, look, [
    ['ID', ({ id }) => id],
    [right('AGE'), ({ openedAtMs }) => age(openedAtMs, nowMs)],
    ['NODE', ({ nodeId }) => nodeId],
    ['STATE', ({ state }) => stateCell(state)],
    [right('SILENT'), ({ silentMs }) => duration(silentMs)],
    [right('TASKS'), ({ tasks }) => count(tasks)],
    [right('MOVED'), ({ redistributed }) => count(redistributed)],
    ['ACTION', ({ action }) => action?.kind ?? '—'],
    ['OUTCOME', ({ outcome }) => outcome?.kind ?? '—'],
  ])
}

/** One incident, stage by stage. */
export function incidentDetails(incident: IncidentView, look: Look): string {
  const { analysis, action, outcome, redistributedAtMs } = incident
  return fields(
    [
      ['id', incident.id],
      ['state', stateCell(incident.state)],
      ['node', `${incident.nodeId}, start ${incident.incarnation}`],
      ['host', incident.host],
      ['ran for', incident.uptimeMs === undefined ? undefined : duration(incident.uptimeMs)],
      ['silent', duration(incident.silentMs)],
      ['detected', `${time(incident.detectedAtMs)}: ${incident.reason}`],
      [
        'moved',
        redistributedAtMs === undefined
          ? undefined
          : `${count(incident.redistributed)} of ${count(incident.tasks)} tasks, ${duration(redistributedAtMs - incident.detectedAtMs)} after the detection`,
      ],
      ['analysis', analysis && `${analysis.action}, ${analysis.impact} impact: ${analysis.reason}`],
      ['action', action && `${action.kind}, ${action.outcome}: ${action.reason}`],
      ['outcome', outcome && `${outcome.kind}: ${outcome.reason}`],
      ['tasks', incident.taskIds?.join(', ')],
      ['suspects', incident.suspectTasks?.join(', ')],
    ],
    look,
  )
}
