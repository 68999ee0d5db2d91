import {
  TASK_ID_PATTERN,
  type Decision,
  type DecisionView,
  type Incident,
  type IncidentView,
} from '@agentfleet/protocol'
import type { RecordedDecision } from './recent-decisions.ts'

/**
 * Control-plane records as clients see them. The records concern the whole fleet and contain figures and names
 * but no text of a task. Only operators see task ids and the free text of the adviser.
 */

/** Matches every task id within a text. */
const TASK_IDS = new RegExp(TASK_ID_PATTERN.source.slice(1, -1), 'g')
/** Replaces task ids for clients that are not operators. */
const SOME_TASK = 'task'

/** Converts a decision with its outcomes. */
export function decisionView(
  { decision, outcomes }: RecordedDecision,
  operator: boolean,
): DecisionView {
  const measured = outcomes.map(({ afterMinutes, atMs, figures }) => ({
    afterMinutes,
    atMs,
    figures,
  }))
  const view = { ...decision, outcomes: measured }
  if (operator) return view as DecisionView
  return { ...withoutTaskIds({ ...view, ...guarded(decision) }), id: decision.id } as DecisionView
}

/** Converts an incident. */
export function incidentView(incident: Incident, operator: boolean): IncidentView {
  if (operator) return incident as IncidentView
  const { taskIds: _affected, suspectTasks: _suspects, analysis, ...open } = incident
  const told = analysis === undefined ? open : { ...open, analysis: guardedAnalysis(analysis) }
  return { ...withoutTaskIds(told), id: incident.id } as IncidentView
}

function guardedAnalysis(analysis: NonNullable<Incident['analysis']>) {
  return { ...analysis, ...guarded(analysis) }
}

function guarded({ advice }: Pick<Decision, 'advice'>): Pick<Decision, 'advice'> {
  if (advice === undefined) return {}
  const { raw: _freeText, ...told } = advice
  return { advice: told }
}

function withoutTaskIds<T extends object>(record: T): T {
  return JSON.parse(JSON.stringify(record).replaceAll(TASK_IDS, SOME_TASK)) as T
}
