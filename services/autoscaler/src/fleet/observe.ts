import { lowerMedian, type ClusterSnapshot, type Victim } from '@agentfleet/domain'
import { FRESH_MS } from '@agentfleet/control-plane'
import type { NodeProcess } from '@agentfleet/orchestrator'
import type { Snapshot } from '@agentfleet/protocol'

/** What the autoscaler observes, except its learned state. */
export interface Observation {
  readonly cluster: Omit<
    ClusterSnapshot,
    'scaledOutAtMs' | 'scaledInAtMs' | 'outlook' | 'throttledShare' | 'advice' | 'attainment'
  >
  /** The mean duration of a task on a node, in milliseconds. */
  readonly responseMs: number
  /** Processes that the orchestrator counts but that take no work: draining or declared dead. */
  readonly leaving: number
  /** Nodes that could be asked to drain. */
  readonly candidates: readonly Victim[]
}

/** Milliseconds within which a started node sends a heartbeat; later it counts as broken. */
const HEARD_WITHIN_MS = 60_000

/** Combines the orchestrator's list of processes with the monitor's knowledge of them. */
export function observeCluster(
  processes: readonly NodeProcess[],
  snapshot: Snapshot | undefined,
  nowMs: number,
): Observation {
  const heard = snapshot?.nodes ?? []
  const known = new Map(heard.map((node) => [node.nodeId, node]))
  const candidates: Victim[] = []
  // Includes nodes that the orchestrator no longer lists but that still finish their runs.
  const draining = new Set(
    heard.filter((one) => one.draining && one.state !== 'dead').map((one) => one.nodeId),
  )
  let leaving = 0
  let missing = 0
  for (const { id, startedAtMs, starting = false, leaving: asked = false } of processes) {
    const node = known.get(id)
    if (asked) draining.add(id)
    else if (node?.state === 'dead' || node?.draining) leaving += 1
    if (asked || node?.state === 'dead' || node?.draining) continue
    const unheard = node === undefined && !starting && nowMs - startedAtMs < HEARD_WITHIN_MS
    if (unheard || node?.state === 'suspect') missing += 1
    const active = (node?.active ?? 0) + (node?.queued ?? 0)
    // A node without a heartbeat has nothing to finish.
    const ready = node !== undefined && !starting
    candidates.push({ id, startedAtMs, active, ready, remainingMs: node?.responseMs ?? 0 })
  }
  const alive = heard.filter(({ state }) => state === 'alive')
  return {
    leaving,
    candidates,
    responseMs: snapshot?.totals?.responseMs ?? mean(alive.map((node) => node.responseMs)),
    cluster: {
      nodes: candidates.length,
      draining: draining.size,
      missing,
      // One node with a false figure must not change how many nodes the fleet needs.
      slotsPerNode: lowerMedian(alive.map(({ slots }) => slots)),
      running: snapshot?.running ?? 0,
      queued: snapshot?.queued ?? 0,
      complete: isComplete(snapshot),
    },
  }
}

/** Whether the snapshot also has the backlog; missing figures must not shrink a fleet. */
function isComplete(snapshot: Snapshot | undefined): boolean {
  const readAtMs = snapshot?.backlogAtMs
  return snapshot !== undefined && readAtMs !== undefined && snapshot.atMs - readAtMs <= FRESH_MS
}

/** Processes whose ended tasks are remembered: those of a day, far more than run at once. */
const PROCESSES_MAX = 4_096

/**
 * Counts arrivals from the tasks that nodes have ended and the tasks in the fleet. Tasks that ended
 * on a lost node stay counted, and the count never falls.
 */
export function countArrivals(): (snapshot: Snapshot) => number {
  // Keeps processes that a snapshot omits, because a process that returns must not count twice.
  const endedBy = new Map<string, number>()
  let [ended, arrived] = [0, 0]
  return ({ nodes, running, queued }) => {
    for (const { nodeId, startedAtMs, completed, failed } of nodes) {
      const key = `${nodeId} ${startedAtMs}`
      const before = endedBy.get(key) ?? 0
      ended += Math.max(0, completed + failed - before)
      endedBy.delete(key)
      endedBy.set(key, Math.max(before, completed + failed))
    }
    for (const key of endedBy.keys()) {
      if (endedBy.size <= PROCESSES_MAX) break
      endedBy.delete(key)
    }
    arrived = Math.max(arrived, ended + running + queued)
    return arrived
  }
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}
