import { askToDrain, type Bus } from '@agentfleet/adapters'
import {
  createDecisionRecorder,
  type DecisionDraft,
  type RecorderDeps,
} from '@agentfleet/control-plane'
import {
  admitStall,
  classifyProgress,
  type NodeWork,
  type ProgressDecision,
  type ProgressLimits,
} from '@agentfleet/domain'
import type { Clock, Logger } from '@agentfleet/runtime'
import type { MonitorMetrics } from '../metrics.ts'
import { workOf, type NodeEntry, type NodeTable } from './nodes.ts'

/**
 * Handles gray failures: marks nodes that send heartbeats without progress, and asks them to drain.
 *
 * States of a node: working ⇄ stalled → asked to drain. Invariants: S1 only the primary monitor marks nodes,
 * and the other monitors adopt its marks; S2 it marks at most a third of the living nodes, and no node while it
 * doubts its own view; S3 it never kills a stalled node: load balancers avoid it, it is asked to drain, and an
 * operator can read the decision; S4 each change is a recorded decision.
 */
export type Stalls = ReturnType<typeof createStalls>

interface StallsDeps {
  readonly bus: Bus
  readonly ops: RecorderDeps['ops']
  readonly nodes: NodeTable
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: MonitorMetrics
  readonly monitorId: string
  readonly limits: ProgressLimits
  /** Whether the monitor lags or has been connected for too short a time. */
  readonly doubtful: () => boolean
}

/** Milliseconds until a stalled node that does not drain is asked again. */
const ASK_AGAIN_MS = 30_000
/** Milliseconds between records of a mass stall. */
const HOLD_RECORD_MS = 60_000
/** Requests and records under way; further nodes wait for the next examination. */
const UNDER_WAY_MAX = 64
const NOT_ASKED = 'The monitor could not ask a stalled node to drain; it tries again'
const MARKED = 'The monitor marked a node as stalled, or removed the mark'

interface Looked {
  readonly entry: NodeEntry
  readonly work: NodeWork
  readonly decision: ProgressDecision
}

/** Creates the stall detection. */
export function createStalls(deps: StallsDeps) {
  const { bus, ops, nodes, clock, log, metrics, monitorId, limits } = deps
  const recording = { service: 'health-monitor', by: monitorId, ops, clock, log } as const
  const recorder = createDecisionRecorder(recording)
  const underWay = new Set<Promise<void>>()
  let heldAtMs = -Infinity

  const run = (work: Promise<unknown>): void => {
    const done: Promise<void> = work
      .then(() => undefined)
      .catch((error: unknown) => log.warn({ err: error }, NOT_ASKED))
      .finally(() => underWay.delete(done))
    underWay.add(done)
  }
  const record = (kind: Kind, looked: Looked, figures: Record<string, number>): void => {
    const decision = decisionOf(kind, looked, figures)
    log.warn({ nodeId: decision.about, kind, reason: decision.reason, ...figures }, MARKED)
    metrics.stalls.inc({ kind, reason: looked.decision.reason })
    run(recorder.record(decision))
  }

  /** Asks a node to drain once it has been stalled for long, and again if it does not. */
  const drain = (looked: Looked, figures: Record<string, number>): void => {
    const { entry, decision } = looked
    const now = clock.monotonicMs()
    if (entry.heartbeat.draining || decision.stillMs < limits.stillMs) return
    if (now - (entry.askedAtMs ?? -Infinity) < ASK_AGAIN_MS) return
    if (entry.askedAtMs === undefined) record('drain', looked, figures)
    entry.askedAtMs = now
    run(askToDrain(bus, entry.heartbeat.nodeId))
  }

  return {
    /** Examines all nodes; returns true if a mark has changed. */
    look(isPrimary: boolean): boolean {
      if (!isPrimary || underWay.size >= UNDER_WAY_MAX) return false
      const living = [...nodes.all()].filter(({ state }) => state !== 'dead')
      const looked = lookAt(living, limits, clock.monotonicMs())
      const ill = looked.filter(isIll)
      const figures = { living: living.length, stalled: ill.length }
      const permission = admitStall({ ...figures, doubtful: deps.doubtful() })
      let changed = false
      for (const one of ill) {
        const { entry, decision } = one
        const marked = entry.stalledAtMs !== undefined
        if (decision.kind === 'working' && decision.reason !== 'others-still') {
          unmark(entry)
          changed = true
          if (!entry.heartbeat.draining) record('restore', one, figures)
        } else if (!marked && permission.kind === 'allow') {
          entry.stalledAtMs = clock.monotonicMs()
          record('avoid', one, figures)
          changed = true
        } else if (!marked) {
          metrics.stallsWithheld.inc({ reason: permission.reason })
          if (clock.monotonicMs() - heldAtMs < HOLD_RECORD_MS) continue
          heldAtMs = clock.monotonicMs()
          record('hold', one, figures)
        }
        if (entry.stalledAtMs !== undefined) drain(one, figures)
      }
      return changed
    },
    /** Adopts the primary monitor's mark of a node. */
    adopt(entry: NodeEntry, stalled: boolean): boolean {
      if (stalled === (entry.stalledAtMs !== undefined)) return false
      if (stalled) entry.stalledAtMs = clock.monotonicMs()
      else unmark(entry)
      return true
    },
    /** Resolves when no request and no record is under way. */
    async idle(): Promise<void> {
      await Promise.all(underWay)
    },
  }
}

function isIll({ entry, decision }: Looked): boolean {
  if (entry.stalledAtMs !== undefined) return true
  // A draining node gets no work and may have little left that makes progress.
  return decision.kind === 'stalled' && !entry.heartbeat.draining
}

function unmark(entry: NodeEntry): void {
  entry.stalledAtMs = undefined
  entry.askedAtMs = undefined
}

/** Compares all nodes whose progress is known; the heartbeats of a suspect node are too old for that. */
function lookAt(
  living: readonly NodeEntry[],
  limits: ProgressLimits,
  nowMs: number,
): readonly Looked[] {
  const known = living.flatMap((entry) => {
    const work = entry.state === 'alive' ? workOf(entry) : undefined
    return work === undefined ? [] : [{ entry, work }]
  })
  const works = known.map(({ work }) => work)
  return known.map(({ entry, work }) => {
    const others = works.filter((other) => other !== work)
    return { entry, work, decision: classifyProgress({ node: work, others }, limits, nowMs) }
  })
}

type Kind = 'avoid' | 'drain' | 'restore' | 'hold'

/** The effect of each decision on a node. */
const MEANING: Record<Kind, string> = {
  drain: 'the node finishes its running tasks and leaves the fleet',
  avoid: 'the node gets no new tasks',
  restore: 'the node gets new tasks again',
  hold: 'nothing changes, because too many nodes look stalled or the monitor doubts its view',
}

function decisionOf(
  kind: Kind,
  { work, decision }: Looked,
  fleet: Record<string, number>,
): DecisionDraft {
  const { reason, stillMs, limitMs } = decision
  const { active, calling, waiting, stuckMs, stallMs, responseMs } = work
  const figures = { stillMs: Math.round(stillMs), limitMs: Math.round(limitMs) }
  const kinds: readonly Kind[] = [kind, ...(['drain', 'avoid', 'restore', 'hold'] as const)]
  return {
    kind,
    reason,
    about: work.nodeId,
    inputs: { ...fleet, ...figures, active, calling, waiting, stuckMs, stallMs, responseMs },
    options: [...new Set(kinds)].map((option) => ({
      kind: option,
      reason: MEANING[option],
      figures: {},
    })),
    policy: { kind, reason, figures },
    acted: kind !== 'hold',
    driver: kind === 'drain' ? 'drain-request' : 'snapshot',
  }
}
