import type { Bus } from '@agentfleet/adapters'
import {
  SUBJECTS,
  snapshotSchema,
  type FleetView,
  type NodeView,
  type Snapshot,
} from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import { isoTime } from './views.ts'

/** The last word of the health monitor on the nodes. */
export interface Fleet {
  view(): FleetView
  close(): void
}

/** Snapshots come about every second; one that is older says nothing about now, milliseconds. */
const SNAPSHOT_AGE_MAX_MS = 5_000

/** Follows the snapshots. */
export function followFleet(deps: { bus: Bus; clock: Clock; log: Logger }): Fleet {
  const { bus, clock, log } = deps
  let snapshot: Snapshot | undefined
  let receivedAtMs = 0
  const subscription = bus.subscribe(SUBJECTS.snapshot, (message) => {
    const parsed = snapshotSchema.safeParse(JSON.parse(message.text()))
    if (!parsed.success) {
      log.warn({ issues: parsed.error.issues.slice(0, 3) }, 'an unreadable snapshot was dropped')
      return
    }
    snapshot = parsed.data
    receivedAtMs = clock.monotonicMs()
  })
  return {
    view: () => fleetView(snapshot, clock.monotonicMs() - receivedAtMs),
    close: () => subscription.close(),
  }
}

/** The snapshot as clients see it; `ageMs` is how long ago it came. */
export function fleetView(snapshot: Snapshot | undefined, ageMs: number): FleetView {
  if (snapshot === undefined) {
    return {
      status: 'unknown',
      explanation:
        'No health monitor has been heard yet. Tasks are accepted and stored all the same.',
      nodes: [],
      queued: 0,
      running: 0,
    }
  }
  return {
    ...judge(snapshot, ageMs),
    observedAt: isoTime(snapshot.atMs),
    monitor: snapshot.monitorId,
    queued: snapshot.queued,
    running: snapshot.running,
    nodes: snapshot.nodes.map(nodeView),
  }
}

function judge(
  { nodes, queued }: Snapshot,
  ageMs: number,
): Pick<FleetView, 'status' | 'explanation'> {
  if (ageMs > SNAPSHOT_AGE_MAX_MS) {
    const seconds = Math.round(ageMs / 1_000)
    return {
      status: 'unknown',
      explanation: `The health monitor has been silent for ${seconds} s; these figures are that old.`,
    }
  }
  const available = nodes.filter(({ state, draining }) => state === 'alive' && !draining)
  if (available.length === 0) {
    return {
      status: 'no-available-nodes',
      explanation: `No node can take tasks now. ${queued} tasks wait and are started as soon as one can.`,
    }
  }
  const free = available.reduce((sum, { slots, active }) => sum + Math.max(0, slots - active), 0)
  return {
    status: 'ok',
    explanation: `${available.length} of ${nodes.length} nodes take tasks; ${free} slots are free.`,
  }
}

function nodeView(node: Snapshot['nodes'][number]): NodeView {
  const { nodeId, startedAtMs, version: _version, ...figures } = node
  return { id: nodeId, startedAt: isoTime(startedAtMs), ...figures }
}
