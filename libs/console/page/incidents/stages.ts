import type { IncidentView } from '@agentfleet/protocol'

/** One stage of an incident on its axis of time. */
export interface Stage {
  readonly name: string
  readonly atMs: number
  readonly detail: string
}

/** Returns the stages that an incident has reached, in their order. */
export function stagesOf(incident: IncidentView): readonly Stage[] {
  const { detectedAtMs, silentMs, redistributedAtMs, analysis, action, outcome } = incident
  const stages: readonly (Stage | undefined)[] = [
    { name: 'Last heartbeat', atMs: detectedAtMs - silentMs, detail: '' },
    { name: 'Detected', atMs: detectedAtMs, detail: incident.reason },
    { name: 'Opened', atMs: incident.openedAtMs, detail: `by ${incident.by}` },
    redistributedAtMs === undefined
      ? undefined
      : {
          name: 'Tasks given back',
          atMs: redistributedAtMs,
          detail: `${incident.redistributed} of ${incident.tasks}`,
        },
    analysis && {
      name: 'Analysed',
      atMs: analysis.atMs,
      detail: `${analysis.action}, impact ${analysis.impact}: ${analysis.reason}`,
    },
    action && {
      name: `Action: ${action.kind}`,
      atMs: action.startedAtMs,
      detail: `${action.outcome}: ${action.reason}`,
    },
    outcome && { name: `Outcome: ${outcome.kind}`, atMs: outcome.atMs, detail: outcome.reason },
  ]
  return stages.filter((stage) => stage !== undefined).toSorted((a, b) => a.atMs - b.atMs)
}
