import type { Bus, Ops } from '@agentfleet/adapters'
import {
  admitVerdict,
  illnessOf,
  type LivenessDecision,
  type MonitorHealth,
} from '@agentfleet/domain'
import type { Beat, Verdict } from '@agentfleet/protocol'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { MonitorMetrics } from '../metrics.ts'
import type { NodeEntry, NodeTable } from './nodes.ts'

/**
 * From "looks dead" to a verdict on OPS.
 *
 * Invariants: V1 before a verdict the broker has answered a round trip, so every beat that it held
 * was heard, and the node still looks dead after that; V2 of each node one judgement is under way at
 * most, and two begin RETRY_AFTER_MS apart; V3 an entry is dead only
 * once a verdict on its incarnation is stored, by this monitor or by another.
 */
export interface Judge {
  /** Judges a node that looks dead, unless that is being done. */
  consider(entry: NodeEntry): void
  /** Declares a process dead whose successor has been heard. */
  replaced(beat: Beat): void
  /** Looks up whether an incarnation that is heard for the first time was declared dead before. */
  recall(entry: NodeEntry): void
  /** Another monitor has stored a verdict on this incarnation. */
  adopt(nodeId: string, incarnation: number): void
  /** Resolves when no judgement is under way. */
  idle(): Promise<void>
}

/** What a judge needs. */
export interface JudgeDeps {
  readonly bus: Bus
  readonly ops: Ops
  readonly nodes: NodeTable
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: MonitorMetrics
  readonly ownLagMs: () => number
  readonly connectedForMs: () => number
  readonly classify: (entry: NodeEntry) => LivenessDecision
  /** A node has just become dead. */
  readonly onDeath: (entry: NodeEntry) => void
}

/** On one machine a round trip takes well below a millisecond, across zones a few. */
const ROUND_TRIP_WITHIN_MS = 250
const RETRY_AFTER_MS = 200
/** Tries to store the verdict on a process that was replaced. */
const REPLACED_TRIES = 5

/** Creates a judge. */
export function createJudge(deps: JudgeDeps): Judge {
  const { bus, ops, nodes, clock, log, metrics, classify } = deps
  const judging = new Map<string, Promise<void>>()

  const health = (entry: NodeEntry, brokerAnswers: boolean): MonitorHealth => {
    const now = clock.monotonicMs()
    const silent = [...nodes.all()].map(({ state, lastBeatAtMs }) => ({
      state,
      silenceMs: now - lastBeatAtMs,
    }))
    return {
      ownLagMs: deps.ownLagMs(),
      silenceMs: now - entry.lastBeatAtMs,
      connectedForMs: deps.connectedForMs(),
      brokerAnswers,
      ...illnessOf(silent),
    }
  }

  const admitted = (entry: NodeEntry, brokerAnswers: boolean): boolean => {
    const { nodeId } = entry.beat
    const permission = admitVerdict(health(entry, brokerAnswers))
    if (permission.kind === 'allow') return true
    metrics.withheld.inc({ reason: permission.reason })
    log.debug({ nodeId, reason: permission.reason }, 'verdict withheld')
    return false
  }

  const judge = async (entry: NodeEntry): Promise<void> => {
    const { nodeId, incarnation } = entry.beat
    if (!admitted(entry, true)) return
    const brokerAnswers = await bus.roundTrip(ROUND_TRIP_WITHIN_MS)
    const decision = classify(entry)
    // V1: heard meanwhile, replaced, or forgotten.
    if (decision.kind !== 'dead' || nodes.get(nodeId) !== entry) return
    if (entry.state === 'dead' || !admitted(entry, brokerAnswers)) return
    const silentMs = clock.monotonicMs() - entry.lastBeatAtMs
    const verdict = verdictOn(entry.beat, decision.reason, decision.phi, silentMs, clock.nowMs())
    const answer = await ops.giveVerdict(verdict)
    if (answer === 'given') {
      metrics.verdicts.inc({ reason: decision.reason })
      metrics.detection.observe((clock.monotonicMs() - entry.lastBeatAtMs) / 1_000)
      log.warn({ ...verdict }, 'node dead')
    }
    bury(entry, incarnation)
  }

  /** V3: a verdict on the incarnation up to this one is stored. */
  const bury = (entry: NodeEntry | undefined, incarnation: number): void => {
    if (entry === undefined || nodes.get(entry.beat.nodeId) !== entry) return
    if (entry.state === 'dead' || entry.beat.incarnation > incarnation) return
    entry.state = 'dead'
    deps.onDeath(entry)
  }

  const recall = async (entry: NodeEntry): Promise<void> => {
    const last = await ops.lastVerdict(entry.beat.nodeId)
    if (last !== undefined) bury(entry, last.verdict.incarnation)
  }

  const run = (nodeId: string, work: () => Promise<void>): void => {
    const judgement = work()
      .catch((error: unknown) => log.warn({ err: error, nodeId }, 'verdict not stored'))
      .finally(() => judging.delete(nodeId))
    judging.set(nodeId, judgement)
  }

  const declareReplaced = async (beat: Beat): Promise<void> => {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await ops.giveVerdict(verdictOn(beat, 'restarted', 0, 0, clock.nowMs()))
        if (answer === 'given') metrics.verdicts.inc({ reason: 'restarted' })
        return
      } catch (error) {
        if (tries >= REPLACED_TRIES) throw error
      }
    }
  }

  return {
    consider(entry) {
      const { nodeId } = entry.beat
      if (judging.has(nodeId)) return
      const now = clock.monotonicMs()
      if (now - (entry.judgedAtMs ?? -Infinity) < RETRY_AFTER_MS) return
      entry.judgedAtMs = now
      run(nodeId, () => judge(entry))
    },
    replaced: (beat) => run(`${beat.nodeId}.${beat.incarnation}`, () => declareReplaced(beat)),
    recall: (entry) =>
      run(`recall.${entry.beat.nodeId}.${entry.beat.incarnation}`, () => recall(entry)),
    adopt: (nodeId, incarnation) => bury(nodes.get(nodeId), incarnation),
    async idle() {
      await Promise.all(judging.values())
    },
  }
}

function verdictOn(
  beat: Beat,
  reason: string,
  phi: number,
  silentMs: number,
  atMs: number,
): Verdict {
  const { nodeId, incarnation, startedAtMs } = beat
  return { nodeId, incarnation, startedAtMs, state: 'dead', reason, phi, silentMs, atMs }
}
