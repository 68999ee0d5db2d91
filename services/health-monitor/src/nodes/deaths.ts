import type { Bus, Ops } from '@agentfleet/adapters'
import {
  decideDeath,
  given,
  illnessOf,
  type LivenessDecision,
  type MonitorHealth,
} from '@agentfleet/domain'
import type { Heartbeat, Death } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { MonitorMetrics } from '../metrics.ts'
import type { NodeEntry, NodeTable } from './nodes.ts'

/**
 * Turns a suspicion into a death on OPS.
 *
 * Invariants: V1 the broker answers a round trip before a death is stored, so every heartbeat that
 * the broker held has been read, and the node still looks dead; V2 each node has at most one
 * examination under way, and two begin RETRY_AFTER_MS apart; V3 an entry is dead only once a death
 * of its incarnation is stored, by this monitor or another.
 */
export type FailureDetector = ReturnType<typeof createFailureDetector>

interface FailureDetectorDeps {
  readonly bus: Bus
  readonly ops: Ops
  readonly nodes: NodeTable
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: MonitorMetrics
  readonly ownLagMs: () => number
  readonly connectedForMs: () => number
  readonly classify: (entry: NodeEntry) => LivenessDecision
  /** Called when a node has just been declared dead. */
  readonly onDeath: (entry: NodeEntry) => void
}

/** Milliseconds; a round trip takes less than a millisecond on one machine and a few milliseconds across zones. */
const ROUND_TRIP_WITHIN_MS = 250
const RETRY_AFTER_MS = 200
/** Tries to store the death of a process that was replaced. */
const REPLACED_TRIES = 5

/** Creates a detector. */
export function createFailureDetector(deps: FailureDetectorDeps) {
  const { bus, ops, nodes, clock, log, metrics, classify } = deps
  const judging = new Map<string, Promise<void>>()

  const admitted = (entry: NodeEntry, brokerAnswers: boolean): boolean => {
    const { nodeId } = entry.heartbeat
    const permission = decideDeath(healthOf(deps, entry, brokerAnswers))
    if (permission.kind === 'allow') return true
    metrics.withheld.inc({ reason: permission.reason })
    log.debug(
      { nodeId, reason: permission.reason },
      'A safeguard kept the monitor from declaring a silent node dead',
    )
    return false
  }

  const detector = async (entry: NodeEntry): Promise<void> => {
    const { nodeId, incarnation } = entry.heartbeat
    if (!admitted(entry, true)) return
    const brokerAnswers = await bus.roundTrip(ROUND_TRIP_WITHIN_MS)
    const decision = classify(entry)
    // V1: the node was heard, replaced or removed in the meantime.
    if (decision.kind !== 'dead' || nodes.get(nodeId) !== entry) return
    if (entry.state === 'dead' || !admitted(entry, brokerAnswers)) return
    const silentMs = clock.monotonicMs() - entry.lastHeartbeatAtMs
    const death = deathOn(entry.heartbeat, decision.reason, decision.phi, silentMs, clock.nowMs())
    const answer = await ops.declareDead(death)
    if (answer === 'given') {
      metrics.deaths.inc({ reason: decision.reason })
      metrics.detection.observe((clock.monotonicMs() - entry.lastHeartbeatAtMs) / 1_000)
      log.warn({ ...death }, 'The monitor declared a node dead')
    }
    markDead(entry, incarnation)
  }

  /** V3: call it once a death up to this incarnation is stored. */
  const markDead = (entry: NodeEntry | undefined, incarnation: number): void => {
    if (entry === undefined || nodes.get(entry.heartbeat.nodeId) !== entry) return
    if (entry.state === 'dead' || entry.heartbeat.incarnation > incarnation) return
    entry.state = 'dead'
    entry.deadIncarnation = incarnation
    deps.onDeath(entry)
  }

  const recall = async (entry: NodeEntry): Promise<void> => {
    const last = await ops.lastDeath(entry.heartbeat.nodeId)
    if (last !== undefined) markDead(entry, last.incarnation)
  }

  const run = (nodeId: string, work: () => Promise<void>): void => {
    const judgement = work()
      .catch((error: unknown) =>
        log.warn(
          { err: error, nodeId },
          'The monitor could not store the death of a node; it tries again',
        ),
      )
      .finally(() => judging.delete(nodeId))
    judging.set(nodeId, judgement)
  }

  return {
    /** Examines a node that looks dead, unless an examination is under way. */
    consider(entry: NodeEntry): void {
      const { nodeId } = entry.heartbeat
      if (judging.has(nodeId)) return
      const now = clock.monotonicMs()
      if (now - (entry.examinedAtMs ?? -Infinity) < RETRY_AFTER_MS) return
      entry.examinedAtMs = now
      run(nodeId, () => detector(entry))
    },
    /** Declares a process dead after its successor has been heard. */
    replaced: (heartbeat: Heartbeat): void =>
      run(`${heartbeat.nodeId}.${heartbeat.incarnation}`, () => declareReplaced(deps, heartbeat)),
    /** Looks up whether a newly heard incarnation was declared dead before. */
    recall: (entry: NodeEntry): void =>
      run(`recall.${entry.heartbeat.nodeId}.${entry.heartbeat.incarnation}`, () => recall(entry)),
    /** Adopts a death that another monitor has stored for this incarnation. */
    adopt: (nodeId: string, incarnation: number): void => markDead(nodes.get(nodeId), incarnation),
    /** Resolves when no examination is under way. */
    idle: async (): Promise<void> => void (await Promise.all(judging.values())),
  }
}

/** What the monitor knows about itself when it judges a node. */
function healthOf(
  deps: FailureDetectorDeps,
  entry: NodeEntry,
  brokerAnswers: boolean,
): MonitorHealth {
  const now = deps.clock.monotonicMs()
  const silent = [...deps.nodes.all()].map(({ state, lastHeartbeatAtMs }) => ({
    state,
    silenceMs: now - lastHeartbeatAtMs,
  }))
  return {
    ownLagMs: deps.ownLagMs(),
    silenceMs: now - entry.lastHeartbeatAtMs,
    connectedForMs: deps.connectedForMs(),
    brokerAnswers,
    ...illnessOf(silent),
  }
}

async function declareReplaced(
  { ops, metrics, clock }: FailureDetectorDeps,
  heartbeat: Heartbeat,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await ops.declareDead(deathOn(heartbeat, 'restarted', 0, 0, clock.nowMs()))
      if (answer === 'given') metrics.deaths.inc({ reason: 'restarted' })
      return
    } catch (error) {
      if (tries >= REPLACED_TRIES) throw error
    }
  }
}

function deathOn(
  heartbeat: Heartbeat,
  reason: string,
  phi: number,
  silentMs: number,
  atMs: number,
): Death {
  const { nodeId, incarnation, startedAtMs, atMs: heardAtMs } = heartbeat
  const uptimeMs = heardAtMs === undefined ? undefined : Math.max(0, heardAtMs - startedAtMs)
  const process = { nodeId, incarnation, startedAtMs, ...given({ uptimeMs }) }
  return { ...process, state: 'dead', reason, phi, silentMs, atMs }
}
