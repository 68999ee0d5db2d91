import type { Bus } from '@agentfleet/adapters'
import { given, HEARTBEAT_INTERVAL_MS, type NodeState } from '@agentfleet/domain'
import { CHANNELS, type Snapshot, type Totals } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { TotalsHistory } from './history.ts'
import type { MonitorMetrics } from '../metrics.ts'
import { flapsOf, type NodeEntry, type NodeTable } from '../nodes/nodes.ts'
import { runningOn, totalsOf, waitingOf, type Tally } from './totals.ts'

/**
 * Publishes snapshots of the cluster. Invariants: only the primary monitor publishes; every monitor
 * measures and remembers; a monitor does neither before it has listened for LISTEN_FIRST_MS.
 */
export type Broadcaster = ReturnType<typeof createBroadcaster>

const PUBLISH_INTERVAL_MS = 500
/** Milliseconds; metrics are scraped every few seconds. */
const MEASURE_INTERVAL_MS = 1_000
const HISTORY_INTERVAL_MS = 10_000
/** Milliseconds; a new monitor has not heard every node before. */
const LISTEN_FIRST_MS = 2 * HEARTBEAT_INTERVAL_MS

interface BroadcasterDeps {
  readonly bus: Bus
  readonly nodes: NodeTable
  readonly clock: Clock
  readonly metrics: MonitorMetrics
  readonly monitorId: string
  readonly tally: Tally
  readonly history: TotalsHistory
  readonly connectedForMs: () => number
  readonly isPrimary: () => boolean
  /** Whether Consul lists a node as passing; undefined before it has said anything. */
  readonly passing: (nodeId: string) => boolean | undefined
}

/** Creates the broadcaster. */
export function createBroadcaster(deps: BroadcasterDeps) {
  const { bus, nodes, clock, metrics, monitorId } = deps
  let publishedAtMs = -Infinity
  let measuredAtMs = -Infinity
  let notedAtMs = -Infinity
  let backlog: { readonly pointers: number; readonly running: number; atMs?: number } = {
    pointers: 0,
    running: 0,
  }

  const take = (): Snapshot & { readonly totals: Totals } => {
    const now = clock.monotonicMs()
    const atMs = clock.nowMs()
    const listed = [...nodes.all()].map((entry) => {
      const { atMs: _, ...figures } = entry.heartbeat
      return {
        ...figures,
        state: shownState(entry),
        heartbeatAgeMs: now - entry.lastHeartbeatAtMs,
        flaps: flapsOf(entry, now),
        ...given({ passing: deps.passing(figures.nodeId) }),
      }
    })
    const running = runningOn(listed)
    const queued = waitingOf(backlog, running)
    const totals = totalsOf(listed, { queued, running }, deps.tally, atMs)
    const readAt = given({ backlogAtMs: backlog.atMs })
    return { atMs, monitorId, nodes: listed, queued, running, ...readAt, totals }
  }

  return {
    /** Publishes the snapshot when it is due, or at once after a change. */
    tick(changed: boolean): void {
      if (deps.connectedForMs() < LISTEN_FIRST_MS) return
      const now = clock.monotonicMs()
      const isPrimary = deps.isPrimary()
      const publish = isPrimary && (changed || now - publishedAtMs >= PUBLISH_INTERVAL_MS)
      const due = now - measuredAtMs >= MEASURE_INTERVAL_MS
      if (!publish && !due) return
      const snapshot = take()
      if (publish) {
        bus.send(CHANNELS.snapshot, snapshot)
        publishedAtMs = now
      }
      if (due) {
        measure(metrics, snapshot, isPrimary)
        measuredAtMs = now
      }
      if (now - notedAtMs < HISTORY_INTERVAL_MS) return
      deps.history.note(snapshot.totals)
      notedAtMs = now
    },
    /** Records how many pointers TASKS holds: those of tasks that wait and of tasks that run. */
    setPointers(pointers: number): void {
      const listed = [...nodes.all()].map((entry) => ({
        ...entry.heartbeat,
        state: shownState(entry),
      }))
      backlog = { pointers, running: runningOn(listed), atMs: clock.nowMs() }
    },
  }
}

/** Returns the state to publish; suspect or dead takes precedence over stalled. */
function shownState({ state, stalledAtMs }: NodeEntry): NodeState {
  return state === 'alive' && stalledAtMs !== undefined ? 'stalled' : state
}

function measure(
  metrics: MonitorMetrics,
  { nodes, totals }: { readonly nodes: Snapshot['nodes']; readonly totals: Totals },
  isPrimary: boolean,
): void {
  for (const state of ['alive', 'suspect', 'stalled', 'dead'] as const) {
    metrics.nodes.set({ state }, nodes.filter((node) => node.state === state).length)
  }
  const working = nodes.filter(({ state, draining }) => state === 'alive' && !draining)
  metrics.isPrimary.set(isPrimary ? 1 : 0)
  metrics.activeNodes.set(totals.activeNodes)
  metrics.slots.set(totals.slots)
  metrics.active.set(working.reduce((sum, { active }) => sum + active, 0))
  metrics.cpuMean.set(totals.cpu)
  metrics.memoryMean.set(totals.memory)
  metrics.responseMean.set(totals.responseMs / 1_000)
  metrics.queued.set(totals.queued)
  metrics.running.set(totals.running)
  metrics.completed.set(totals.completed)
  metrics.failed.set(totals.failed)
  metrics.perNode.show(nodes)
}
