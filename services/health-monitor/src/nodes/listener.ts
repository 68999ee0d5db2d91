import type { Bus } from '@agentfleet/adapters'
import { followFleet } from '@agentfleet/control-plane'
import { CHANNELS, type Heartbeat, type Snapshot } from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import type { TotalsHistory } from '../fleet/history.ts'
import type { MonitorMetrics } from '../metrics.ts'
import type { NodeTable } from './nodes.ts'
import type { Primary } from '../fleet/primary.ts'
import type { Stalls } from './stalls.ts'
import type { Tally } from '../fleet/totals.ts'
import type { FailureDetector } from './deaths.ts'
import type { Witnesses } from './confirm.ts'

/** Handlers of what a monitor receives. */
interface ListenerDeps {
  readonly bus: Bus
  readonly clock: Clock
  readonly nodes: NodeTable
  readonly detector: FailureDetector
  readonly witnesses: Witnesses
  readonly stalls: Stalls
  readonly primary: Primary
  readonly tally: Tally
  readonly history: TotalsHistory
  readonly metrics: MonitorMetrics
  readonly monitorId: string
  /** Called for a node whose heartbeats count only with an incarnation above this one. */
  readonly tell: (nodeId: string, deadIncarnation: number) => void
  /** Called when the next snapshot differs from the last one. */
  readonly onChange: () => void
}

/** Receives heartbeats and the snapshots of other monitors until closed. */
export function listen(deps: ListenerDeps): { close(): void }[] {
  const { bus, clock, history, monitorId, tally, nodes, detector, metrics, stalls, primary } = deps
  const nowMs = clock.monotonicMs
  const fleetView = followFleet(bus, clock)
  fleetView.onSnapshot(hearSnapshot)
  return [
    fleetView,
    bus.on(CHANNELS.heartbeat, hearHeartbeat),
    bus.on(CHANNELS.history, (heard) => {
      const latest = history.hear(heard)
      if (latest !== undefined) tally.atLeast(latest.completed, latest.failed)
    }),
  ]

  function hearHeartbeat(heartbeat: Heartbeat): void {
    const before = nodes.get(heartbeat.nodeId)
    const heartbeatBefore = before?.heartbeat
    const gapMs = nowMs() - (before?.lastHeartbeatAtMs ?? nowMs())
    const { decision, replaced } = nodes.hear(heartbeat, nowMs())
    metrics.heartbeats.inc({ outcome: decision.reason })
    if (decision.kind === 'ignore') {
      // While the known process is alive, another one with its name is a mistake that would only disturb it.
      const replaces = decision.reason === 'behind' && before?.state !== 'alive'
      if (decision.reason === 'dead-incarnation' || replaces) {
        // The clock of an earlier process may have been ahead, so its incarnation may be far above that of this one.
        const known = before?.heartbeat.incarnation ?? heartbeat.incarnation
        deps.tell(heartbeat.nodeId, Math.max(known, before?.deadIncarnation ?? 0))
      }
      return
    }
    tally.count(heartbeatBefore, heartbeat)
    if (before !== undefined && before.state !== 'dead') metrics.silence.observe(gapMs / 1_000)
    deps.witnesses.forget(heartbeat.nodeId)
    if (decision.reason !== 'newer') {
      deps.onChange()
      const entry = nodes.get(heartbeat.nodeId)
      if (entry !== undefined) detector.recall(entry)
    }
    if (replaced !== undefined) detector.replaced(replaced)
  }

  /** Adopts deaths from the snapshot of another monitor: what it shows as dead has a stored death (M2). */
  function hearSnapshot(snapshot: Snapshot): void {
    if (snapshot.monitorId === monitorId) return
    primary.hear(snapshot.monitorId)
    const spoken = snapshot.monitorId < monitorId
    for (const { nodeId, incarnation, state } of snapshot.nodes) {
      if (state === 'dead') detector.adopt(nodeId, incarnation)
      const entry = nodes.get(nodeId)
      if (entry === undefined || entry.heartbeat.incarnation !== incarnation) continue
      // A monitor that becomes primary keeps the stall marks of the previous one.
      if (state === 'stalled' || (spoken && state === 'alive')) {
        stalls.adopt(entry, state === 'stalled')
      }
    }
  }
}
