import type { PointerQueue } from './streams.ts'

/** Subjects of what streams keep, as `channels/stored.ts` declares them, and their wildcards. */
export const SUBJECTS = {
  /** All that happened to a task (stream LOG). */
  log: (taskId: string) => `log.${taskId}`,
  /** What LOG stored, republished: the only feed of client streams (L5). */
  live: (taskId: string) => `live.${taskId}`,
  /** The one pointer of a task that waits or runs (stream TASKS). */
  pointer: (queue: PointerQueue, tenant: string, taskId: string) =>
    `tasks.${queue}.${tenant}.${taskId}`,
  opsNode: (nodeId: string) => `ops.node.${nodeId}`,
  opsDecision: (service: string) => `ops.decision.${service}`,
  /** The measured outcome of a decision, some minutes later. */
  opsOutcome: (service: string) => `ops.outcome.${service}`,
  /** What a service has learned and hands on to whoever takes over. */
  opsState: (service: string) => `ops.state.${service}`,
  opsIncident: (id: string) => `ops.incident.${id}`,
  /** A version of a tenant's definition of an agent (stream AGENTS). */
  agent: (tenant: string, name: string) => `agents.${tenant}.${name}`,
  /** A tenant's schedule, its newest definition (stream SCHEDULES). */
  schedule: (tenant: string, name: string) => `schedules.def.${tenant}.${name}`,
  /** The last tick of a schedule that was dealt with. */
  scheduleRun: (tenant: string, name: string) => `schedules.ran.${tenant}.${name}`,
  allSchedules: 'schedules.*.*.*',
  allLog: 'log.>',
  allLive: 'live.>',
  allPointers: 'tasks.>',
  allOps: 'ops.>',
  allAgents: 'agents.*.*',
  allDeaths: 'ops.node.*',
  allDecisions: 'ops.decision.*',
  allOutcomes: 'ops.outcome.*',
  allIncidents: 'ops.incident.*',
} as const

/** The task id at the end of a `log.`, `live.`, `delta.` or `tasks.` subject. */
export function taskIdOf(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1)
}

/** The node id in a `node.<id>.…` or `ops.node.<id>` subject. */
export function nodeIdOf(subject: string): string {
  const parts = subject.split('.')
  return (parts[0] === 'ops' ? parts[2] : parts[1]) ?? ''
}

/** Names that may stand in a subject as one token: tenants, node ids. */
export const TOKEN_PATTERN = /^[a-z0-9][a-z0-9-]{0,47}$/
