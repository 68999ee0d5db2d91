import type { OpsEntry } from '@agentfleet/adapters'
import type { Decision, DecisionOutcome, Incident, Snapshot } from '@agentfleet/protocol'

/** Records of the control plane for the tests. */

/** A decision of the autoscaler unless `change` says otherwise. */
export function decision(id: string, change: Partial<Decision> = {}): Decision {
  return {
    id,
    service: 'autoscaler',
    by: 'a1',
    kind: 'scale-out',
    reason: 'utilization',
    atMs: 1_000,
    inputs: { nodes: 2, burst: true, driver: 'local' },
    options: [{ kind: 'hold', reason: 'cooldown', figures: { nodes: 2 } }],
    policy: { kind: 'scale-out', reason: 'utilization', figures: { nodes: 3 } },
    acted: true,
    driver: 'local',
    ...change,
  }
}

type Node = Snapshot['nodes'][number]

/** Node n1, alive with ten free slots unless `change` says otherwise. */
export function liveNode(change: Partial<Node> = {}): Node {
  return {
    nodeId: 'n1',
    incarnation: 1,
    version: 9,
    slots: 10,
    active: 0,
    queued: 0,
    cpu: 0.5,
    memory: 0.25,
    memoryBytes: 1_000,
    lagMs: 1,
    responseMs: 20,
    completed: 7,
    failed: 1,
    draining: false,
    startedAtMs: 0,
    state: 'alive',
    heartbeatAgeMs: 100,
    ...change,
  }
}

/** A measured outcome of a decision. */
export function outcome(decisionId: string, afterMinutes: number): DecisionOutcome {
  const figures = { queued: afterMinutes }
  return { decisionId, service: 'autoscaler', afterMinutes, atMs: 60_000 * afterMinutes, figures }
}

/** An incident of node n1 unless `change` says otherwise. */
export function incident(id: string, change: Partial<Incident> = {}): Incident {
  return {
    id,
    nodeId: 'n1',
    incarnation: 1,
    reason: 'silent',
    state: 'open',
    by: 'r1',
    silentMs: 3_000,
    detectedAtMs: 1_000,
    openedAtMs: 1_100,
    tasks: 1,
    redistributed: 1,
    taskIds: [],
    suspectTasks: [],
    ...change,
  }
}

/** A record as the tail of OPS delivers it. */
export function entry(
  record: { decision: Decision } | { outcome: DecisionOutcome } | { incident: Incident },
  seq = 1,
): OpsEntry {
  const stored = { seq, bytes: Buffer.byteLength(JSON.stringify(Object.values(record)[0])) }
  if ('decision' in record) return { kind: 'decision', ...record, ...stored }
  return 'outcome' in record
    ? { kind: 'outcome', ...record, ...stored }
    : { kind: 'incident', ...record, ...stored }
}
