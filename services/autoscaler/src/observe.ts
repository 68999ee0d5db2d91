import type { ClusterSnapshot, Victim } from '@agentfleet/domain'
import type { Snapshot } from '@agentfleet/protocol'
import type { NodeProcess } from './orchestrator.ts'
import { isComplete } from './snapshots.ts'

/** What the autoscaler sees, all but its own memory. */
export interface Observation {
  readonly cluster: Omit<ClusterSnapshot, 'changedAtMs' | 'wantedMax'>
  /** Processes that exist and do not count as nodes: draining, or declared dead. */
  readonly leaving: number
  /** Nodes that could be asked to drain. */
  readonly candidates: readonly Victim[]
}

/** Brings together which processes run and what the monitor knows of them. */
export function observeCluster(
  processes: readonly NodeProcess[],
  snapshot: Snapshot | undefined,
): Observation {
  const known = new Map(snapshot?.nodes.map((node) => [node.nodeId, node]) ?? [])
  const candidates: Victim[] = []
  let draining = 0
  let dead = 0
  for (const { id, startedAtMs } of processes) {
    const node = known.get(id)
    if (node?.state === 'dead') dead += 1
    else if (node?.draining) draining += 1
    // One that has not beaten yet has nothing to finish.
    else candidates.push({ id, startedAtMs, active: (node?.active ?? 0) + (node?.queued ?? 0) })
  }
  const slots = (snapshot?.nodes ?? []).filter(({ state }) => state === 'alive')
  const slotsTotal = slots.reduce((sum, node) => sum + node.slots, 0)
  return {
    leaving: draining + dead,
    candidates,
    cluster: {
      nodes: candidates.length,
      draining,
      slotsPerNode: slots.length === 0 ? 0 : slotsTotal / slots.length,
      running: snapshot?.running ?? 0,
      queued: snapshot?.queued ?? 0,
      complete: isComplete(snapshot),
    },
  }
}
