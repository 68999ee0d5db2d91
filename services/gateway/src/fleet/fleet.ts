import type { Bus } from '@agentfleet/adapters'
import { columnsOf, fleetStatus, given, NODE_FIGURES, type HeldTenant } from '@agentfleet/domain'
import {
  CHANNELS,
  type FleetView,
  type NodeColumns,
  type NodeView,
  type Snapshot,
  type Totals,
} from '@agentfleet/protocol'
import type { Clock } from '@agentfleet/runtime'
import { isoTime } from '../tasks/views.ts'
import { followProviders } from './providers.ts'

/** The latest snapshot of the health monitor and the load balancers that are alive. */
export type Fleet = ReturnType<typeof followFleet>

/** Milliseconds. Load balancers announce themselves every 500 ms; three announcements may be lost. */
const BALANCER_AGE_MAX_MS = 1_600
/** More load balancers than any fleet has; the view omits further ones. */
const BALANCERS_MAX = 100

/** Follows the hints of the health monitors and the load balancers. */
export function followFleet(deps: { bus: Bus; clock: Clock }) {
  const { bus, clock } = deps
  let snapshot: Snapshot | undefined
  let receivedAtMs = 0
  let history: readonly Totals[] = []
  const balancers = new Map<string, { room: boolean; heardAtMs: number }>()

  const heard = (): FleetView['balancers'] => {
    const nowMs = clock.monotonicMs()
    for (const [id, { heardAtMs }] of balancers) {
      if (nowMs - heardAtMs > BALANCER_AGE_MAX_MS) balancers.delete(id)
    }
    return [...balancers]
      .map(([id, { room, heardAtMs }]) => ({ id, room, heardAgoMs: Math.round(nowMs - heardAtMs) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  const snapshots = bus.on(CHANNELS.snapshot, (heardNow) => {
    snapshot = heardNow
    receivedAtMs = clock.monotonicMs()
  })
  const histories = bus.on(CHANNELS.history, ({ totals }) => {
    history = totals
  })
  const announcements = bus.on(CHANNELS.balancer, ({ id, room }) => {
    if (balancers.size >= BALANCERS_MAX && !balancers.has(id)) heard()
    if (balancers.size >= BALANCERS_MAX && !balancers.has(id)) return
    balancers.set(id, { room, heardAtMs: clock.monotonicMs() })
  })
  const providers = followProviders(deps)
  return {
    /** With `asColumns` the nodes are in `nodeColumns`; `held` are the tenants that wait for their own limits. */
    view: (withHistory: boolean, asColumns?: boolean, held?: readonly HeldTenant[]): FleetView => ({
      ...fleetView(snapshot, clock.monotonicMs() - receivedAtMs, asColumns, held),
      balancers: heard(),
      providers: providers.view(),
      history: withHistory ? [...history] : [],
    }),
    /** The state of the provider models, as the nodes report it. */
    providers: providers.view,
    close(): void {
      for (const each of [snapshots, histories, announcements, providers]) each.close()
    },
  }
}

/** Converts the snapshot for clients; `ageMs` is the time since it arrived. */
export function fleetView(
  snapshot: Snapshot | undefined,
  ageMs: number,
  asColumns = false,
  held: readonly HeldTenant[] = [],
): Omit<FleetView, 'balancers' | 'providers' | 'history'> {
  const { nodes = [], queued = 0, running = 0, totals } = snapshot ?? {}
  return {
    ...fleetStatus(snapshot, ageMs, held),
    ...(snapshot && { observedAt: isoTime(snapshot.atMs), monitor: snapshot.monitorId }),
    queued,
    running,
    ...(asColumns
      ? { nodes: [], nodeColumns: nodeColumns(nodes) }
      : { nodes: nodes.map(nodeView) }),
    ...given({ totals }),
  }
}

function nodeView(node: Snapshot['nodes'][number]): NodeView {
  const { nodeId, startedAtMs, passing, ...shown } = node
  const { version: _version, work: _work, flaps: _flaps, ...figures } = shown
  return { id: nodeId, startedAt: isoTime(startedAtMs), ...figures, ...given({ passing }) }
}

/** One list for each figure: a client parses 10,000 nodes of this form in a third of the time. */
function nodeColumns(nodes: Snapshot['nodes']): NodeColumns {
  const sorted = nodes.toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
  return { id: sorted.map(({ nodeId }) => nodeId), ...columnsOf(NODE_FIGURES, sorted) }
}
