import type { PointerQueue } from './streams.ts'

/** Where everything is said. Streams hold the first three; the rest is core NATS and may be lost (L6). */
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
  heartbeat: (nodeId: string) => `node.${nodeId}.heartbeat`,
  /** Figures soon after a change, for load balancers; the monitor needs the regular heartbeats only. */
  load: (nodeId: string) => `node.${nodeId}.load`,
  /** Request: take these tasks. */
  dispatch: (nodeId: string) => `node.${nodeId}.dispatch`,
  /** Request: are you there? */
  ping: (nodeId: string) => `node.${nodeId}.ping`,
  /** Hint: stop running these tasks. */
  stop: (nodeId: string) => `node.${nodeId}.stop`,
  /** Hint to all nodes: stop these tasks, whoever runs them. */
  stopAnywhere: 'fleet.stop',
  /** Request: finish what runs, take nothing new. */
  drain: (nodeId: string) => `node.${nodeId}.drain`,
  /** Hint: what a running attempt streams. */
  delta: (taskId: string) => `delta.${taskId}`,
  /** Request to all nodes: which of these tasks do you run? */
  runs: 'fleet.runs',
  /** Request to all nodes: how many tasks of each tenant do you run? */
  tenants: 'fleet.tenants',
  /** Request to any coordinator: a batch of reports of one node. */
  report: 'coordinator.report',
  /** Request to any coordinator: cancel a task. */
  cancel: 'coordinator.cancel',
  /** Request to any coordinator: somebody's word on a run that asked for approval. */
  approve: 'coordinator.approve',
  /** Hint: the cluster as the health monitor sees it. */
  snapshot: 'fleet.snapshot',
  /** Hint: totals of the last hour, every ten seconds. */
  history: 'fleet.history',
  /** Hint: a load balancer lives, and whether fresh tasks may be handed to it. */
  balancer: 'fleet.balancer',
  /** Hint to any load balancer: tasks that were just stored and have no pointer yet. */
  handover: 'balancer.handover',
  /** Hint to all load balancers: these queues of tenants have got tasks. */
  waiting: 'balancer.waiting',
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
  allHeartbeats: 'node.*.heartbeat',
  allLoads: 'node.*.load',
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
