import { streamMessages, type Bus, type Ops, type Registry } from '@agentfleet/adapters'
import { classifyNode, LATE_AFTER_MS, LIVENESS_LIMITS, PROGRESS_LIMITS } from '@agentfleet/domain'
import { CHANNELS, STREAMS } from '@agentfleet/protocol'
import { every, settleWithin, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import { createHistory } from './fleet/history.ts'
import { createLagMeter } from './nodes/lag.ts'
import { listen } from './nodes/listener.ts'
import type { MonitorMetrics } from './metrics.ts'
import { createNodeTable, hasLeft, noteFall, type NodeEntry } from './nodes/nodes.ts'
import { createBroadcaster, type Broadcaster } from './fleet/snapshot.ts'
import { createPrimary } from './fleet/primary.ts'
import { followPassing, type PassingNodes } from './nodes/passing.ts'
import { createStalls } from './nodes/stalls.ts'
import { createTally } from './fleet/totals.ts'
import { createFailureDetector } from './nodes/deaths.ts'
import { createWitnesses } from './nodes/confirm.ts'

/**
 * The health monitor: it takes heartbeats and second opinions, and publishes node states, snapshots and deaths.
 *
 * Any number may run: each examines all nodes, and a death is a compare-and-set, so an incarnation dies once;
 * one monitor is primary (`primary.ts`). Invariants: M1 silences are measured with the monotonic clock, after
 * everything that had arrived was read; M2 a node published as dead has a stored death; M3 heartbeats of a dead
 * incarnation change nothing, but the monitor tells the node, so that it takes a new incarnation.
 */
interface MonitorDeps {
  readonly bus: Bus
  readonly ops: Ops
  readonly registry: Pick<Registry, 'critical' | 'watch'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: MonitorMetrics
  readonly monitorId: string
  /** The least time without progress that makes a node stalled; default: that of PROGRESS_LIMITS. */
  readonly stallMs?: number
}

/**
 * Milliseconds between examinations of all nodes. A death must be recorded within 1.6 s, of which
 * silence alone takes up to 1.53 s.
 */
const LOOK_INTERVAL_MS = 50
const BACKLOG_INTERVAL_MS = 1_000
const STALL_INTERVAL_MS = 1_000
/** Milliseconds; a monitor that is later than this, or has just connected, marks no node as stalled. */
const DOUBT_LAG_MS = 250
const DOUBT_CONNECTED_MS = 3_000
/** Milliseconds for which dead nodes stay in the snapshot. */
const SHOW_DEAD_MS = 60_000
/** Milliseconds between messages to a node that still sends heartbeats with a dead incarnation. */
const TELL_INTERVAL_MS = 1_000
const TELL_WITHIN_MS = 300

/** What the monitor knows about itself. */
function watchSelf(bus: Bus, nowMs: () => number) {
  const lag = createLagMeter(LOOK_INTERVAL_MS)
  let connectedAtMs = nowMs()
  return {
    lag,
    ownLagMs: () => lag.worstMs(nowMs()),
    connectedForMs: () => (bus.connected() ? nowMs() - connectedAtMs : 0),
    reconnected: () => (connectedAtMs = nowMs()),
  }
}

/** Creates and connects the parts of a monitor. */
function assemble(deps: MonitorDeps) {
  const { bus, registry, clock, log, monitorId } = deps
  const nowMs = clock.monotonicMs
  const self = watchSelf(bus, nowMs)
  const { ownLagMs, connectedForMs } = self
  const nodes = createNodeTable()
  const tally = createTally()
  const history = createHistory(bus, monitorId)
  const primary = createPrimary(monitorId, nowMs)
  const witnesses = createWitnesses({ bus, registry, log, nowMs, ownLagMs })
  const classify = (entry: NodeEntry) => {
    const witness = witnesses.of(entry.heartbeat.nodeId, entry.heartbeat.draining)
    return classifyNode(entry, witness, LIVENESS_LIMITS, nowMs(), ownLagMs())
  }
  const { isPrimary } = primary
  const shared = { ...deps, nodes, ownLagMs, connectedForMs }
  let listed: PassingNodes | undefined
  const passing = (nodeId: string): boolean | undefined => listed?.passing(nodeId)
  const broadcaster = createBroadcaster({ ...shared, tally, history, isPrimary, passing })
  const onDeath = (entry: NodeEntry): void => {
    witnesses.forget(entry.heartbeat.nodeId)
    broadcaster.tick(true)
  }
  const detector = createFailureDetector({ ...shared, classify, onDeath })
  const doubtful = (): boolean => ownLagMs() > DOUBT_LAG_MS || connectedForMs() < DOUBT_CONNECTED_MS
  const { stallMs: stillMs = PROGRESS_LIMITS.stillMs } = deps
  const limits = { ...PROGRESS_LIMITS, stillMs }
  const stalls = createStalls({ ...shared, doubtful, limits })
  const heard = { tally, history, primary, witnesses, detector, stalls }
  const tell = createTeller(bus, nowMs)
  const followConsul = (changed: () => void): { close(): void } =>
    (listed = followPassing(registry, changed))
  return { ...heard, tell, self, nodes, nowMs, classify, broadcaster, followConsul }
}

type Parts = ReturnType<typeof assemble>

/** Examines one node and acts on the result; returns true if its state has changed. */
function examine(
  entry: NodeEntry,
  { nodes, witnesses, detector, nowMs, classify }: Parts,
): boolean {
  const { nodeId } = entry.heartbeat
  const silentMs = nowMs() - entry.lastHeartbeatAtMs
  if (entry.state === 'dead') {
    entry.phi = 0
    if (silentMs >= SHOW_DEAD_MS) nodes.forget(nodeId)
    return false
  }
  if (silentMs > LATE_AFTER_MS) witnesses.look(nodeId)
  const { kind, phi } = classify(entry)
  entry.phi = phi
  if (kind !== 'alive' && hasLeft(entry)) {
    nodes.forget(nodeId)
    witnesses.forget(nodeId)
    return true
  }
  const state = kind === 'alive' ? 'alive' : 'suspect'
  const changed = entry.state !== state
  if (changed && state === 'suspect') noteFall(entry, nowMs())
  entry.state = state
  if (kind === 'dead') detector.consider(entry)
  return changed
}

/** Creates a health monitor; it does nothing before `start`. */
export function createHealthMonitor(deps: MonitorDeps): Service {
  const { bus, clock, log, metrics } = deps
  const parts = assemble(deps)
  const { self, nodes, nowMs, broadcaster, detector, primary, stalls } = parts
  let changed = false
  let stallsLookedAtMs = nowMs()

  const watch = every(LOOK_INTERVAL_MS, { clock, log, name: 'watch' }, async () => {
    self.lag.tick(nowMs())
    // M1: timers run before sockets are read, so one turn later everything that had arrived was read.
    await new Promise(setImmediate)
    let phiMax = 0
    for (const entry of nodes.all()) {
      if (examine(entry, parts)) changed = true
      phiMax = Math.max(phiMax, entry.phi)
    }
    if (nowMs() - stallsLookedAtMs >= STALL_INTERVAL_MS) {
      stallsLookedAtMs = nowMs()
      if (stalls.look(primary.isPrimary())) changed = true
    }
    metrics.phiMax.set(phiMax)
    metrics.ownLag.set(self.ownLagMs() / 1_000)
    broadcaster.tick(changed)
    changed = false
  })
  const open: { close(): void }[] = []
  const count = every(BACKLOG_INTERVAL_MS, { clock, log, name: 'backlog' }, () =>
    countQueued(bus, broadcaster),
  )

  return {
    async start() {
      if (open.length > 0) return
      const onChange = (): boolean => (changed = true)
      open.push(
        ...listen({ ...deps, ...parts, onChange }),
        { close: bus.onReconnect(self.reconnected) },
        parts.followConsul(onChange),
      )
      await Promise.all([watch.start(), count.start()])
    },
    async drain(deadlineMs) {
      for (const { close } of open.splice(0)) close()
      await Promise.all([watch.drain(deadlineMs), count.drain(deadlineMs)])
      await settleWithin(Promise.all([detector.idle(), stalls.idle()]), deadlineMs)
    },
    ready: () => (bus.connected() ? { ok: true } : { ok: false, reason: 'bus-away' }),
  }
}

async function countQueued(bus: Bus, broadcaster: Broadcaster): Promise<void> {
  if (!bus.connected()) return
  const pointers = await streamMessages(bus, STREAMS.tasks)
  // A new fleet has no stream until the first service that writes to it has started.
  if (pointers !== undefined) broadcaster.setPointers(pointers)
}

/** Tells a node that its incarnation was declared dead, as a hint in a ping (L6). */
function createTeller(bus: Bus, nowMs: () => number) {
  const toldAtMs = new Map<string, number>()
  return (nodeId: string, deadIncarnation: number): void => {
    if (nowMs() - (toldAtMs.get(nodeId) ?? -Infinity) < TELL_INTERVAL_MS) return
    for (const [id, atMs] of toldAtMs) if (nowMs() - atMs > SHOW_DEAD_MS) toldAtMs.delete(id)
    toldAtMs.set(nodeId, nowMs())
    void bus.ask(CHANNELS.ping, { deadIncarnation }, TELL_WITHIN_MS, { nodeId })
  }
}
