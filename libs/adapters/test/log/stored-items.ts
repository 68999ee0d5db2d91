import type { ApiKey, Schedule } from '@agentfleet/domain'
import type {
  AuditEvent,
  Death,
  Decision,
  DecisionOutcome,
  Incident,
  Pointer,
} from '@agentfleet/protocol'
import { PLAIN_SPEC } from '@agentfleet/testkit'

/** One whole item of each kind that streams keep. */

/** A death on OPS. */
export const DEATH: Death = {
  nodeId: 'n1',
  incarnation: 1,
  state: 'dead',
  reason: 'silent',
  phi: 9,
  silentMs: 3_000,
  atMs: 1,
}

/** A pointer on TASKS. */
export const POINTER: Pointer = {
  taskId: 't1',
  tenant: 'acme',
  seq: 1,
  cpu: 'low',
  memory: 'low',
  deadlineAtMs: 60_000,
  reissue: false,
}

/** An outcome on OPS. */
export const OUTCOME: DecisionOutcome = {
  decisionId: 'd1',
  service: 'autoscaler',
  afterMinutes: 1,
  atMs: 1,
  figures: {},
}

/** A schedule on SCHEDULES. */
export const SCHEDULE: Schedule = {
  cron: '* * * * *',
  timeZone: 'UTC',
  overlap: 'allow',
  paused: false,
  spec: PLAIN_SPEC,
  request: { task: 'x' },
  atMs: 1,
}

/** A key on KEYS. */
export const KEY: ApiKey = {
  id: 'k1',
  name: 'test',
  tenant: 'acme',
  scopes: ['tasks:read'],
  createdAtMs: 1,
  createdBy: 'k0',
  secrets: [{ digest: 'x'.repeat(43) }],
}

/** A change on AUDIT. */
export const AUDIT_EVENT: AuditEvent = {
  atMs: 1,
  kind: 'change',
  operation: 'putAgent',
  tenant: 'acme',
  status: 200,
  count: 1,
}

/** A decision on OPS. */
export function decisionOf(id: string): Decision {
  const policy = { kind: 'hold', reason: 'on-target', figures: { nodes: 2 } }
  const made = { by: 'a1', kind: 'hold', reason: 'on-target', atMs: 1, inputs: {}, options: [] }
  return { id, service: 'autoscaler', ...made, policy, acted: false }
}

/** An incident on OPS. */
export function incidentOf(id: string, state: Incident['state'] = 'open'): Incident {
  const base = { nodeId: 'n1', incarnation: 1, reason: 'silent', by: 'r1', silentMs: 3_000 }
  const counts = { tasks: 0, redistributed: 0, taskIds: [], suspectTasks: [] }
  return { id, state, ...base, detectedAtMs: 1, openedAtMs: 2, ...counts }
}
