import { randomUUID } from 'node:crypto'
import type { Leadership, Ops } from '@agentfleet/adapters'
import {
  decideScale,
  nodesWanted,
  selectVictims,
  wantedWithin,
  type ClusterSnapshot,
  type ScaleDecision,
  type ScaleLimits,
  type Wish,
} from '@agentfleet/domain'
import { SUBJECTS, type Decision } from '@agentfleet/protocol'
import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import type { AutoscalerMetrics } from './metrics.ts'
import { observeCluster, type Observation } from './observe.ts'
import type { Orchestrator } from './orchestrator.ts'
import type { Snapshots } from './snapshots.ts'

/**
 * The autoscaler: observe, decide, act.
 *
 * States: following (observes, so that its window of wishes is filled) → leading (also acts).
 * Invariants: S1 only the leader acts, and only after it has read the last decision of whoever led
 * before; S2 figures that are missing empty the window, so a fleet is never shrunk on a memory with
 * holes; S3 counts are absolute, and the instant of the last change is stored with every decision.
 */
export interface AutoscalerDeps {
  readonly ops: Pick<Ops, 'lastDecision' | 'record'>
  readonly orchestrator: Orchestrator
  readonly leadership: Pick<Leadership, 'leading'>
  readonly snapshots: Snapshots
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: AutoscalerMetrics
  readonly instanceId: string
  readonly intervalMs: number
  readonly windowMs: number
  readonly limits: ScaleLimits
}

const SERVICE = 'autoscaler'

/** What a leader knows from before. */
interface Memory {
  changedAtMs: number
  /** The last recorded decision in short; the same hold is not recorded twice. */
  recorded: string
}

/** Creates an autoscaler; nothing happens before `start`. */
export function createAutoscaler(deps: AutoscalerDeps): Service {
  const { ops, orchestrator, leadership, snapshots, clock, log, metrics, limits } = deps
  let wishes: Wish[] = []
  let memory: Memory | undefined

  const remember = (observed: Observation['cluster']): number => {
    if (!observed.complete || observed.slotsPerNode <= 0) {
      wishes = []
      return Infinity
    }
    const now = clock.monotonicMs()
    const wanted = nodesWanted({ ...observed, changedAtMs: 0, wantedMax: 0 }, limits)
    metrics.wanted.set(wanted)
    wishes.push({ atMs: now, nodes: wanted })
    // One older than the window stays: it shows that the window is filled.
    while ((wishes[1]?.atMs ?? now) < now - deps.windowMs) wishes.shift()
    return wantedWithin(wishes, deps.windowMs, now)
  }

  const tick = async (): Promise<void> => {
    const { cluster, leaving, candidates } = observeCluster(
      await orchestrator.nodes(),
      snapshots.latest(),
    )
    const wantedMax = remember(cluster)
    metrics.nodes.set(cluster.nodes)
    metrics.leader.set(leadership.leading() ? 1 : 0)
    if (!leadership.leading()) {
      memory = undefined
      return
    }
    const now = clock.nowMs()
    memory ??= await recall(ops)
    const seen: ClusterSnapshot = { ...cluster, wantedMax, changedAtMs: memory.changedAtMs }
    const decision = decideScale(seen, limits, now)
    metrics.decisions.inc({ kind: decision.kind, reason: decision.reason })
    const acted = await act(decision, seen, leaving, candidates)
    if (acted && decision.kind !== 'hold') memory.changedAtMs = now
    await record(decision, seen, acted, memory)
  }

  const act = async (
    decision: ScaleDecision,
    { nodes }: ClusterSnapshot,
    leaving: number,
    candidates: Observation['candidates'],
  ): Promise<boolean> => {
    // S1: reading and deciding took time.
    if (decision.kind === 'hold' || !leadership.leading()) return false
    const victims = selectVictims(candidates, nodes - decision.nodes)
    try {
      await orchestrator.setCount(decision.nodes + leaving, victims)
      log.info({ ...decision, victims }, 'scaled')
      return true
    } catch (error) {
      metrics.failures.inc()
      log.error({ err: error, ...decision }, 'could not scale')
      return false
    }
  }

  const record = async (
    { kind, reason, nodes }: ScaleDecision,
    seen: ClusterSnapshot,
    acted: boolean,
    known: Memory,
  ): Promise<void> => {
    const short = `${kind} ${reason} ${nodes} ${acted}`
    if (short === known.recorded && !acted) return
    const { wantedMax, ...figures } = seen
    const inputs = {
      ...figures,
      // An unfilled window has no highest wish, and JSON no infinity.
      ...(Number.isFinite(wantedMax) ? { wantedMax } : {}),
      decided: nodes,
      driver: orchestrator.driver,
      acted,
      changedAtMs: known.changedAtMs,
    }
    const atMs = clock.nowMs()
    const entry: Decision = {
      id: randomUUID(),
      service: SERVICE,
      by: deps.instanceId,
      kind,
      reason,
      atMs,
      inputs,
      options: [],
      policy: { kind, reason, figures: { nodes } },
      acted,
      driver: orchestrator.driver,
    }
    await ops.record(SUBJECTS.opsDecision(SERVICE), entry)
    known.recorded = short
  }

  const loop = every(deps.intervalMs, { clock, log, name: 'scale' }, tick)
  return {
    start: loop.start,
    async drain(deadlineMs) {
      await loop.drain(deadlineMs)
      snapshots.close()
    },
    ready: () => loop.ready?.() ?? { ok: true },
  }
}

/** What the last leader left: the instant of its last change, and what it recorded last. */
async function recall(ops: AutoscalerDeps['ops']): Promise<Memory> {
  const last = await ops.lastDecision(SERVICE)
  if (last === undefined) return { changedAtMs: 0, recorded: '' }
  const { changedAtMs, decided, acted } = last.inputs
  return {
    changedAtMs: typeof changedAtMs === 'number' ? changedAtMs : last.atMs,
    recorded: `${last.kind} ${last.reason} ${String(decided)} ${String(acted)}`,
  }
}
