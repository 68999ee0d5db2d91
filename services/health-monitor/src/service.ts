import {
  pointerBacklog,
  type Bus,
  type BusMessage,
  type Ops,
  type Registry,
} from '@agentfleet/adapters'
import { classifyNode, LATE_AFTER_MS, LIVENESS_LIMITS } from '@agentfleet/domain'
import { beatSchema, nodeIdOf, snapshotSchema, SUBJECTS } from '@agentfleet/protocol'
import { every, settleWithin, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import { createLagMeter } from './lag.ts'
import type { MonitorMetrics } from './metrics.ts'
import { beatsOf, createNodeTable, hasLeft, type NodeEntry } from './nodes.ts'
import { createBroadcaster } from './snapshot.ts'
import { createJudge } from './verdicts.ts'
import { createWitnesses } from './witness.ts'

/**
 * The health monitor: beats and second witnesses in; node states, snapshots and verdicts out.
 *
 * Any number may run: each judges for itself, a verdict is a compare-and-set, so one incarnation
 * dies once. Invariants: M1 all silences are measured with the monotonic clock, after everything
 * that had already arrived was read; M2 what is published as dead has a stored verdict; M3 the
 * beats of a dead incarnation change nothing, but its node is told, so that it takes a new one.
 */
export interface MonitorDeps {
  readonly bus: Bus
  readonly ops: Ops
  readonly registry: Pick<Registry, 'critical'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: MonitorMetrics
  readonly monitorId: string
  readonly intervalMs: number
}

const BACKLOG_INTERVAL_MS = 1_000
/** The dead stay in the snapshot this long, milliseconds. */
const SHOW_DEAD_MS = 60_000
/** A node that beats on with a dead incarnation is told this often, milliseconds. */
const TELL_INTERVAL_MS = 1_000
const TELL_WITHIN_MS = 300

/** Creates a health monitor; nothing happens before `start`. */
export function createHealthMonitor(deps: MonitorDeps): Service {
  const { bus, ops, registry, clock, log, metrics, monitorId, intervalMs } = deps
  const now = clock.monotonicMs
  const nodes = createNodeTable()
  const lag = createLagMeter(intervalMs)
  const ownLagMs = (): number => lag.worstMs(now())
  let connectedAtMs = now()
  const connectedForMs = (): number => (bus.connected() ? now() - connectedAtMs : 0)
  let changed = false
  const witnesses = createWitnesses({ bus, registry, log, nowMs: now, ownLagMs })
  const classify = (entry: NodeEntry) => {
    const witness = witnesses.of(entry.beat.nodeId, entry.beat.draining)
    return classifyNode(beatsOf(entry), witness, LIVENESS_LIMITS, now())
  }
  const broadcaster = createBroadcaster({ bus, nodes, clock, metrics, monitorId, connectedForMs })
  const onDeath = (entry: NodeEntry): void => {
    witnesses.forget(entry.beat.nodeId)
    broadcaster.tick(true)
  }
  const judge = createJudge({
    bus,
    ops,
    nodes,
    clock,
    log,
    metrics,
    ownLagMs,
    connectedForMs,
    classify,
    onDeath,
  })
  const tell = createTeller(bus, now)

  const hear = (message: BusMessage): void => {
    const { data: beat } = beatSchema.safeParse(JSON.parse(message.text()))
    if (beat === undefined || beat.nodeId !== nodeIdOf(message.subject)) {
      metrics.beats.inc({ outcome: 'malformed' })
      return
    }
    const { decision, replaced } = nodes.hear(beat, now())
    metrics.beats.inc({ outcome: decision.reason })
    if (decision.kind === 'ignore') {
      if (decision.reason === 'dead-incarnation') tell(beat.nodeId, beat.incarnation)
      return
    }
    witnesses.forget(beat.nodeId)
    if (decision.reason !== 'newer') {
      changed = true
      const entry = nodes.get(beat.nodeId)
      if (entry !== undefined) judge.recall(entry)
    }
    if (replaced !== undefined) judge.replaced(replaced)
  }

  /** What other monitors show as dead has a verdict (M2), so it is dead here as well. */
  const compare = (message: BusMessage): void => {
    const { data: snapshot } = snapshotSchema.safeParse(JSON.parse(message.text()))
    if (snapshot === undefined || snapshot.monitorId === monitorId) return
    for (const node of snapshot.nodes) {
      if (node.state === 'dead') judge.adopt(node.nodeId, node.incarnation)
    }
  }

  /** The suspicion of one node, and what follows from it. */
  const examine = (entry: NodeEntry): number => {
    const { nodeId } = entry.beat
    const silentMs = now() - entry.lastBeatAtMs
    if (entry.state === 'dead') {
      if (silentMs >= SHOW_DEAD_MS) nodes.forget(nodeId)
      return 0
    }
    if (silentMs > LATE_AFTER_MS) witnesses.look(nodeId)
    const { kind, phi } = classify(entry)
    if (kind !== 'alive' && hasLeft(entry)) {
      nodes.forget(nodeId)
      witnesses.forget(nodeId)
      changed = true
      return 0
    }
    const state = kind === 'alive' ? 'alive' : 'suspect'
    if (entry.state !== state) changed = true
    entry.state = state
    if (kind === 'dead') judge.consider(entry)
    return phi
  }

  const watch = every(intervalMs, { clock, log, name: 'watch' }, async () => {
    lag.tick(now())
    // M1: timers run before sockets are read; one turn later what has arrived was heard.
    await new Promise(setImmediate)
    let phiMax = 0
    for (const entry of nodes.all()) phiMax = Math.max(phiMax, examine(entry))
    metrics.phiMax.set(phiMax)
    metrics.ownLag.set(ownLagMs() / 1_000)
    broadcaster.tick(changed)
    changed = false
  })
  const count = every(BACKLOG_INTERVAL_MS, { clock, log, name: 'backlog' }, async () => {
    if (bus.connected()) broadcaster.setBacklog(await pointerBacklog(bus))
  })
  const open: { close(): void }[] = []

  return {
    async start() {
      if (open.length > 0) return
      open.push(bus.subscribe(SUBJECTS.allBeats, hear), bus.subscribe(SUBJECTS.snapshot, compare))
      open.push({ close: bus.onReconnect(() => (connectedAtMs = now())) })
      await Promise.all([watch.start(), count.start()])
    },
    async drain(deadlineMs) {
      for (const { close } of open.splice(0)) close()
      await Promise.all([watch.drain(deadlineMs), count.drain(deadlineMs)])
      await settleWithin(judge.idle(), deadlineMs)
    },
    ready: () => (bus.connected() ? { ok: true } : { ok: false, reason: 'bus-away' }),
  }
}

/** Tells a node that its incarnation was declared dead; a hint in the body of a ping (L6). */
function createTeller(bus: Bus, nowMs: () => number) {
  const toldAtMs = new Map<string, number>()
  return (nodeId: string, deadIncarnation: number): void => {
    if (nowMs() - (toldAtMs.get(nodeId) ?? -Infinity) < TELL_INTERVAL_MS) return
    for (const [id, atMs] of toldAtMs) if (nowMs() - atMs > SHOW_DEAD_MS) toldAtMs.delete(id)
    toldAtMs.set(nodeId, nowMs())
    const body = JSON.stringify({ deadIncarnation })
    void bus.request(SUBJECTS.ping(nodeId), body, TELL_WITHIN_MS)
  }
}
