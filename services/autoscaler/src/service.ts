import type { Leadership, Ops } from '@agentfleet/adapters'
import {
  decideScale,
  selectVictims,
  type ClusterSnapshot,
  type ScaleDecision,
} from '@agentfleet/domain'
import { createDecisionRecorder, type DecisionRecorder } from '@agentfleet/control-plane'
import type { Orchestrator } from '@agentfleet/orchestrator'
import { every, type Logger, type Service } from '@agentfleet/runtime'
import { adviceFor, figuresFor, type Advising } from './deciding/advice.ts'
import { decisionRecord, shortOf } from './deciding/decisions.ts'
import { SAVE_LEARNED_EVERY_MS, leaderStateOf, type LeaderState } from './fleet/learned.ts'
import {
  createObserver,
  outcomeFigures,
  type FleetState,
  type Observer,
  type ObserverDeps,
} from './fleet/observer.ts'

/**
 * The autoscaler: observe, decide, act.
 *
 * States: following (observes, so that its windows are filled) → leading (also acts, records and
 * measures). Invariants: S1 only the leader acts, and only after it has read the last decision of
 * the previous leader; S2 missing figures empty the window, so the autoscaler never shrinks a fleet
 * on incomplete observations; S3 counts are absolute, and every decision stores the times of the
 * last changes; S4 nothing waits for the adviser.
 */
export interface AutoscalerDeps extends ObserverDeps {
  readonly ops: Pick<Ops, 'lastDecision' | 'lastState' | 'decisionsAfter' | 'record'>
  readonly orchestrator: Orchestrator
  readonly leadership: Pick<Leadership, 'leading'>
  readonly advising: Advising
  readonly log: Logger
  readonly instanceId: string
  readonly intervalMs: number
}

const SERVICE = 'autoscaler'
/**
 * The recorder records this many holds at once, and then one in each interval (milliseconds), so that it
 * records a lasting hold soon.
 */
const HOLDS = { burst: 6, oneEveryMs: 10_000 }

/** Creates an autoscaler; it does nothing before `start`. */
export function createAutoscaler(deps: AutoscalerDeps): Service {
  const { orchestrator, leadership, fleetView, clock, log, metrics } = deps
  const observer = createObserver({ ...deps, service: SERVICE })
  const recorder = createDecisionRecorder({
    ...deps,
    service: SERVICE,
    by: deps.instanceId,
    limits: HOLDS,
    measured: true,
  })
  const { outcomes } = recorder
  const decide = createDeciding(deps, observer, recorder)
  let leaderState: LeaderState | undefined
  let learnedSavedAtMs = clock.nowMs()

  const tick = async (): Promise<void> => {
    await observer.learn()
    let failure: unknown
    const processes = await orchestrator.list().catch((error: unknown) => {
      failure = error
      return undefined
    })
    if (leadership.leading() && leaderState === undefined) {
      leaderState = leaderStateOf(await outcomes.resume(), clock.nowMs())
    }
    const fleet = observer.look(processes, leaderState)
    metrics.leader.set(leadership.leading() ? 1 : 0)
    if (leaderState === undefined || !leadership.leading()) {
      leaderState = undefined
      outcomes.forget()
      return
    }
    leaderState = await decide(fleet, leaderState, processes !== undefined)
    await outcomes.measure(() => outcomeFigures(fleet))
    // The loop logs the failure once for each streak; the fleet keeps its size meanwhile.
    if (processes === undefined) throw failure
    await orchestrator.tidy()
    if (fleet.nowMs - learnedSavedAtMs < SAVE_LEARNED_EVERY_MS) return
    await observer.saveLearned()
    learnedSavedAtMs = fleet.nowMs
  }

  const loop = every(deps.intervalMs, { clock, log, name: 'scale' }, tick)
  return {
    start: loop.start,
    async drain(deadlineMs) {
      await loop.drain(deadlineMs)
      if (leaderState !== undefined) {
        await observer.saveLearned().catch((error: unknown) => {
          log.warn(
            { err: error },
            'The autoscaler could not store its learned state; a new leader starts without the state of the last minutes',
          )
        })
      }
      fleetView.close()
      await orchestrator.close()
    },
    ready: () => loop.ready?.() ?? { ok: true },
  }
}

/** Takes one decision as the leader, acts on it and records it; returns the state for the next one. */
function createDeciding(deps: AutoscalerDeps, observer: Observer, recorder: DecisionRecorder) {
  const { orchestrator, leadership, advising, log, metrics, limits } = deps

  const act = async (
    { kind, reason, nodes }: ScaleDecision,
    { leaving, seen }: FleetState,
    victims: readonly string[],
  ): Promise<boolean> => {
    // S1: the leadership may have been lost while reading and deciding.
    if (kind === 'hold' || !leadership.leading() || !orchestrator.acts) return false
    try {
      await orchestrator.setCount(nodes + leaving, victims)
      log.info(
        { kind, reason, from: seen.nodes, nodes, victims },
        'The autoscaler changed the number of nodes',
      )
      return true
    } catch (error) {
      metrics.failures.inc()
      log.error(
        { err: error, kind, reason, nodes },
        'The autoscaler could not carry out a decision',
      )
      return false
    }
  }

  return async (fleet: FleetState, before: LeaderState, listed: boolean): Promise<LeaderState> => {
    const { seen, nowMs } = fleet
    const advice = advising.current(nowMs)
    const alone = listed ? decideScale(seen, limits, nowMs) : unlisted(seen)
    const advised = { ...seen, advice: adviceFor(advice) }
    const decision = listed ? decideScale(advised, limits, nowMs) : alone
    // S4: this only asks; a later tick uses the answer.
    if (seen.complete)
      advising.consider(figuresFor(fleet, alone, observer.forecast(), limits), nowMs)
    metrics.decisions.inc({ kind: decision.kind, reason: decision.reason })
    metrics.wanted.set(decision.wanted)
    metrics.backpressure.set(decision.backpressure ? 1 : 0)
    const victims = selectVictims(fleet.candidates, seen.nodes - decision.nodes)
    const acted = await act(decision, fleet, victims)
    const scaledOutAtMs = acted && decision.kind === 'scale-out' ? nowMs : before.scaledOutAtMs
    const scaledInAtMs = acted && decision.kind === 'scale-in' ? nowMs : before.scaledInAtMs
    const parts = {
      driver: orchestrator.driver,
      atMs: nowMs,
      decision,
      alone,
      seen: { ...seen, scaledOutAtMs, scaledInAtMs },
      llmCalls: fleet.llmCalls,
      acted,
      victims: acted ? victims : [],
      advice: advice.record,
    }
    // Changes are rare by their own limits and must not use up the limit of the holds after them.
    await recorder.record(decisionRecord(parts), { limited: !acted, short: shortOf(parts) })
    // This process knows what it did, so the cooldown does not depend on the bus.
    return { scaledOutAtMs, scaledInAtMs }
  }
}

/** S2: without a list of processes the autoscaler holds. */
function unlisted({ nodes }: ClusterSnapshot): ScaleDecision {
  const reason = 'orchestrator-unavailable'
  return { kind: 'hold', nodes, reason, wanted: nodes, options: [], backpressure: false }
}
