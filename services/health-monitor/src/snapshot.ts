import type { Bus } from '@agentfleet/adapters'
import { BEAT_INTERVAL_MS } from '@agentfleet/domain'
import { SUBJECTS, type Snapshot } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { MonitorMetrics } from './metrics.ts'
import type { NodeTable } from './nodes.ts'

/** Tells everybody what the cluster looks like. */
export interface Broadcaster {
  /** Publishes the snapshot if it is time, or at once when something changed. */
  tick(changed: boolean): void
  /** Notes the figures of the pointers. */
  setBacklog(backlog: { readonly queued: number; readonly running: number }): void
}

const PUBLISH_INTERVAL_MS = 500
/** A monitor that has just come up has not heard everybody yet: until then it says nothing. */
const LISTEN_FIRST_MS = 2 * BEAT_INTERVAL_MS

/** Creates the broadcaster. */
export function createBroadcaster(deps: {
  readonly bus: Bus
  readonly nodes: NodeTable
  readonly clock: Clock
  readonly metrics: MonitorMetrics
  readonly monitorId: string
  readonly connectedForMs: () => number
}): Broadcaster {
  const { bus, nodes, clock, metrics, monitorId } = deps
  let publishedAtMs = -Infinity
  let backlog: { queued: number; running: number; backlogAtMs?: number } = { queued: 0, running: 0 }

  const take = (): Snapshot => {
    const now = clock.monotonicMs()
    const listed = [...nodes.all()].map(({ beat, state, lastBeatAtMs }) => ({
      ...beat,
      state,
      beatAgeMs: now - lastBeatAtMs,
    }))
    return { atMs: clock.nowMs(), monitorId, nodes: listed, ...backlog }
  }

  const publish = (): void => {
    const snapshot = take()
    bus.publish(SUBJECTS.snapshot, JSON.stringify(snapshot))
    publishedAtMs = clock.monotonicMs()
    measure(metrics, snapshot)
  }

  return {
    tick(changed) {
      if (deps.connectedForMs() < LISTEN_FIRST_MS) return
      if (changed || clock.monotonicMs() - publishedAtMs >= PUBLISH_INTERVAL_MS) publish()
    },
    setBacklog({ queued, running }) {
      backlog = { queued, running, backlogAtMs: clock.nowMs() }
    },
  }
}

function measure(metrics: MonitorMetrics, { nodes, queued, running }: Snapshot): void {
  for (const state of ['alive', 'suspect', 'dead'] as const) {
    metrics.nodes.set({ state }, nodes.filter((node) => node.state === state).length)
  }
  const living = nodes.filter((node) => node.state === 'alive')
  const sum = (of: (node: Snapshot['nodes'][number]) => number): number =>
    living.reduce((total, node) => total + of(node), 0)
  const count = Math.max(1, living.length)
  metrics.slots.set(sum((node) => node.slots))
  metrics.active.set(sum((node) => node.active))
  metrics.cpuMean.set(sum((node) => node.cpu) / count)
  metrics.memoryMean.set(sum((node) => node.memory) / count)
  metrics.queued.set(queued)
  metrics.running.set(running)
}
