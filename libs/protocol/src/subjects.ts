import { CHANNELS, filledIn, subjectOf } from './channels/index.ts'
import type { PointerQueue } from './streams.ts'

/** Subjects of the streams, as the channels declare them. */
export const SUBJECTS = {
  log: (taskId: string) => subjectOf(CHANNELS.log, { taskId }),
  pointer: (queue: PointerQueue, tenant: string, taskId: string) =>
    subjectOf(CHANNELS.pointer, { queue, tenant, taskId }),
  opsNode: (nodeId: string) => subjectOf(CHANNELS.death, { nodeId }),
  opsIdentity: (nodeId: string) => subjectOf(CHANNELS.identity, { nodeId }),
  opsDecision: (service: string) => subjectOf(CHANNELS.decision, { service }),
  opsOutcome: (service: string) => subjectOf(CHANNELS.outcome, { service }),
  opsState: (service: string) => subjectOf(CHANNELS.state, { service }),
  opsIncident: (incidentId: string) => subjectOf(CHANNELS.incident, { incidentId }),
  agent: (tenant: string, agentName: string) => subjectOf(CHANNELS.agent, { tenant, agentName }),
  schedule: (tenant: string, scheduleName: string) =>
    subjectOf(CHANNELS.schedule, { tenant, scheduleName }),
  scheduleRun: (tenant: string, scheduleName: string) =>
    subjectOf(CHANNELS.scheduleRun, { tenant, scheduleName }),
  manualRuns: (tenant: string, scheduleName: string) =>
    subjectOf(CHANNELS.manualRuns, { tenant, scheduleName }),
  key: (keyId: string) => subjectOf(CHANNELS.key, { keyId }),
  /** Callers whom no key identifies count as one tenant, whose name no tenant has. */
  audit: (auditKind: string, tenant = '_') =>
    subjectOf(CHANNELS.audit, { service: 'gateway', auditKind, tenant }),
  allLog: filledIn(CHANNELS.log.subject),
  allPointers: filledIn(CHANNELS.pointer.subject),
  allAgents: filledIn(CHANNELS.agent.subject),
  allSchedules: [
    filledIn(CHANNELS.schedule.subject),
    filledIn(CHANNELS.scheduleRun.subject),
    filledIn(CHANNELS.manualRuns.subject),
  ],
  allKeys: filledIn(CHANNELS.key.subject),
  allAudit: filledIn(CHANNELS.audit.subject),
  allDeaths: filledIn(CHANNELS.death.subject),
  allDecisions: filledIn(CHANNELS.decision.subject),
  allOutcomes: filledIn(CHANNELS.outcome.subject),
  allIncidents: filledIn(CHANNELS.incident.subject),
} as const

/** The task id at the end of a `log.`, `live.`, `delta.` or `tasks.` subject. */
export function taskIdOf(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1)
}

/** Names that may be one token of a subject: tenants, node ids. */
export const TOKEN_PATTERN = /^[a-z0-9][a-z0-9-]{0,47}$/
