import {
  ack,
  createPuller,
  type Bus,
  type Ops,
  type PulledMessage,
  type Puller,
  type Store,
} from '@agentfleet/adapters'
import { planNodeAction } from '@agentfleet/domain'
import {
  STREAMS,
  SUBJECTS,
  VERDICT_CONSUMER,
  verdictSchema,
  type Incident,
  type Verdict,
} from '@agentfleet/protocol'
import { settleWithin, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import { followFleet, type FleetView } from './fleet-view.ts'
import type { RecoveryMetrics } from './metrics.ts'
import { redistribute, type Redistribution } from './redistribute.ts'
import type { Replacer } from './replacer.ts'

/**
 * Recovery: verdicts in; pointers given back, incidents and replaced nodes out.
 *
 * A verdict goes: pulled → pointers given back → node acted on → incident recorded → acked. The
 * durable consumer gives each to one replica; what fails before the ack is delivered again after
 * ten seconds, and then finds only what is still undone. Invariants: at most HANDLING_MAX verdicts
 * in hand; after DELIVERIES_MAX deliveries a verdict is closed with what is known; if all of this
 * is down, the leases of the pointers are the last line.
 */
export interface RecoveryDeps {
  readonly bus: Bus
  readonly ops: Ops
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: RecoveryMetrics
  readonly replacer: Replacer | undefined
  readonly instanceId: string
}

const HANDLING_MAX = 8
const DELIVERIES_MAX = 5
/** Replacements within this time count as a crash loop, milliseconds. */
const REPLACEMENT_MEMORY_MS = 600_000

/** Creates recovery; nothing happens before `start`. */
export function createRecovery(deps: RecoveryDeps): Service {
  const { bus, log, metrics } = deps
  const handling = new Set<Promise<void>>()
  const act = createNodeActor(deps)
  let fleet: FleetView | undefined
  let puller: Puller | undefined
  let draining = false

  const handle = async (message: PulledMessage, view: FleetView): Promise<void> => {
    const { data: verdict } = verdictSchema.safeParse(parseJson(message.text))
    if (verdict === undefined) {
      log.error({ subject: message.subject }, 'not a verdict: skipped')
      return ack.done(bus, message.ackSubject)
    }
    const successor = view.successor(verdict)
    // Resumed with all it had: it asks the coordinator itself what it still owns.
    const result: Redistribution =
      successor === 'resumed'
        ? { kind: 'given-back', tasks: 0 }
        : await giveBack({ ...deps, fleet: view }, verdict, message.deliveries)
    const redistributedAtMs = deps.clock.nowMs()
    if (result.kind === 'given-back' && result.tasks > 0) {
      metrics.givenBack.inc(result.tasks)
      metrics.failover.observe(Math.max(0, redistributedAtMs - verdict.atMs) / 1_000)
    }
    // What follows may take seconds; the verdict must not go to another replica meanwhile.
    ack.renew(bus, message.ackSubject)
    const action = await act(verdict, successor)
    const incident: Incident = {
      id: `${verdict.nodeId}-${verdict.incarnation}`,
      nodeId: verdict.nodeId,
      incarnation: verdict.incarnation,
      reason: verdict.reason,
      state: 'closed',
      by: deps.instanceId,
      silentMs: verdict.silentMs,
      detectedAtMs: verdict.atMs,
      openedAtMs: redistributedAtMs,
      redistributedAtMs,
      tasks: result.tasks,
      redistributed: result.tasks,
      taskIds: [],
      suspectTasks: [],
      action,
    }
    await deps.ops.record(SUBJECTS.opsIncident(incident.id), incident)
    metrics.incidents.inc({ action: action.kind })
    log.warn({ ...incident }, 'incident')
    ack.done(bus, message.ackSubject)
  }

  const receive = (message: PulledMessage, view: FleetView): void => {
    const work = handle(message, view)
      .catch((error: unknown) => {
        metrics.retries.inc()
        log.error({ err: error, subject: message.subject }, 'verdict left for the next delivery')
      })
      .finally(() => {
        handling.delete(work)
        puller?.poke()
      })
    handling.add(work)
  }

  return {
    async start() {
      if (puller !== undefined) return
      const view = (fleet = followFleet(bus))
      puller = createPuller(bus, {
        stream: STREAMS.ops,
        consumer: VERDICT_CONSUMER,
        wanted: () => (draining ? 0 : HANDLING_MAX - handling.size),
        receive: (message) => receive(message, view),
      })
    },
    async drain(deadlineMs) {
      draining = true
      puller?.stop()
      await settleWithin(Promise.all(handling), deadlineMs)
      fleet?.close()
    },
    ready: () => (bus.connected() ? { ok: true } : { ok: false, reason: 'bus-away' }),
  }
}

/** Gives back; after too many deliveries of the verdict the leases are left to run out. */
async function giveBack(
  deps: RecoveryDeps & { readonly fleet: FleetView },
  { nodeId }: Verdict,
  deliveries: number,
): Promise<Redistribution> {
  try {
    return await redistribute(deps, nodeId)
  } catch (error) {
    if (deliveries < DELIVERIES_MAX) throw error
    deps.log.error({ err: error, nodeId }, 'pointers not given back, their leases run out')
    return { kind: 'notes-unreadable', tasks: 0 }
  }
}

/** What is done about the process itself; returns it in the incident's words. */
function createNodeActor({ replacer, clock, log }: RecoveryDeps) {
  let replacedAtMs: number[] = []
  return async (
    { nodeId, reason }: Verdict,
    successor: ReturnType<FleetView['successor']>,
  ): Promise<NonNullable<Incident['action']>> => {
    const now = clock.monotonicMs()
    const startedAtMs = clock.nowMs()
    const driver = replacer === undefined ? 'none' : 'local'
    replacedAtMs = replacedAtMs.filter((atMs) => now - atMs < REPLACEMENT_MEMORY_MS)
    const action = planNodeAction({
      reason,
      resumed: successor === 'resumed',
      restarted: successor === 'restarted',
      orchestrated: replacer !== undefined,
      recentReplacements: replacedAtMs.length,
    })
    const taken = { ...action, driver, startedAtMs }
    if (action.kind !== 'replace' || replacer === undefined) {
      return { ...taken, outcome: 'not-needed' }
    }
    try {
      await replacer.replace(nodeId)
      replacedAtMs.push(now)
      return { ...taken, endedAtMs: clock.nowMs(), outcome: 'done' }
    } catch (error) {
      log.error({ err: error, nodeId }, 'not replaced; the autoscaler keeps the count')
      return { ...taken, endedAtMs: clock.nowMs(), outcome: 'failed' }
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
