import { NO_USAGE, type TaskRecord, type TaskSpec } from '@agentfleet/domain'
import type { Heartbeat, Snapshot } from '@agentfleet/protocol'

/** Whole values for tests to which most of their fields do not matter. */

/** A valid spec of the simplest task. */
export const PLAIN_SPEC = {
  task: 'x',
  agent: 'assistant',
  model: 'echo',
  cpu: 'low',
  memory: 'low',
  priority: 'medium',
  timeoutMs: 60_000,
  maxAttempts: 3,
} as const satisfies TaskSpec

/** The record of a queued task with a plain spec. */
export function recordOf(taskId: string, change: Partial<TaskRecord> = {}): TaskRecord {
  return {
    taskId,
    tenant: 'acme',
    spec: PLAIN_SPEC,
    specHash: 'h',
    state: 'queued',
    seq: 1,
    submittedSeq: 1,
    submittedAtMs: 1_000,
    updatedAtMs: 1_000,
    attempt: 1,
    failures: 0,
    pauses: 0,
    approvals: [],
    children: [],
    calls: [],
    usage: NO_USAGE,
    ...change,
  }
}

/** The heartbeat of an idle node with ten slots. */
export function heartbeatOf(nodeId: string, change: Partial<Heartbeat> = {}): Heartbeat {
  return {
    nodeId,
    incarnation: 1,
    version: 1,
    slots: 10,
    active: 0,
    queued: 0,
    cpu: 0,
    memory: 0,
    memoryBytes: 0,
    lagMs: 0,
    responseMs: 0,
    completed: 0,
    failed: 0,
    draining: false,
    startedAtMs: 1,
    ...change,
  }
}

type Node = Snapshot['nodes'][number]

/** An idle, living node with ten slots, as a snapshot of the fleet shows it. */
export function nodeOf(nodeId: string, change: Partial<Node> = {}): Node {
  return { ...heartbeatOf(nodeId), state: 'alive', heartbeatAgeMs: 0, ...change }
}
