import { ack, createPuller, type Bus, type PulledMessage, type Puller } from '@agentfleet/adapters'
import { createDecisionRecorder } from '@agentfleet/control-plane'
import {
  CHANNELS,
  DEATH_CONSUMER,
  parseItem,
  STREAMS,
  type ServiceError,
} from '@agentfleet/protocol'
import { every, settleWithin, type Logger, type Service } from '@agentfleet/runtime'
import { runWorkflow, openAndRedistribute, type Redistributed } from './incident/workflow.ts'
import type { PartDeps, RecoveryDeps } from './deps.ts'
import { readFleet } from './fleet.ts'
import { figuresAfter } from './incident/figures.ts'
import { createRecentIncidents } from './incident/recent-incidents.ts'
import { createQuarantine } from './redistribution/quarantine.ts'
import { CUT } from './redistribution/waiting.ts'

const HANDLING_MAX = 8
/** With this limit three replicas hold fewer deaths than the consumer may have unacknowledged (100). */
const FOLLOWED_MAX = 24
/** Milliseconds between checks; outcomes are measured to the minute. */
const MEASURE_INTERVAL_MS = 1_000
/** Milliseconds after which this replica knows what other replicas have put into quarantine. */
const READ_INTERVAL_MS = 10_000
/** Milliseconds for which a missing consumer counts as missing; a puller asks again several times a second. */
const MISSING_FOR_MS = 2_000

interface Followed {
  readonly cut: AbortController
  readonly work: Promise<void>
}

/**
 * Recovery: it takes deaths, gives the pointers back, handles incidents, and restores nodes; nothing before `start`.
 *
 * A death is in hand (its pointers are being given back), then followed (analysis, action, outcome: minutes),
 * then acknowledged. The durable consumer delivers each death to one replica, which renews it. After a failure
 * the death is delivered again ten seconds later, and the next replica continues where the record ends.
 * Invariants: at most HANDLING_MAX deaths are in hand, and each only during its redistribution; at most
 * FOLLOWED_MAX incidents are followed, and one more incident closes the oldest early; if recovery is down, the
 * leases of the pointers return the tasks.
 */
export function createRecovery(deps: RecoveryDeps): Service {
  const { bus, log, clock, metrics, orchestrator, fleetView } = deps
  const deaths = createDeaths(deps)
  const recent = createRecentIncidents(deps)
  const quarantine = createQuarantine({ bus, clock, log, ends: recent.quarantined })
  const fleet = readFleet(fleetView)
  const by = deps.instanceId
  const recorder = createDecisionRecorder({ ...deps, service: 'recovery', by, measured: true })
  const parts = { ...deps, fleet, recent, recorder, quarantine }
  let draining = false
  let puller: Puller | undefined
  /** When NATS last said that there is nothing from which deaths are read. */
  let missingAtMs = -Infinity

  const remember = every(READ_INTERVAL_MS, { clock, log, name: 'incidents' }, async () => {
    if (bus.connected()) await recent.catchUp()
    metrics.quarantined.set(recent.quarantined().size)
  })
  const measure = every(MEASURE_INTERVAL_MS, { clock, log, name: 'outcomes' }, async () => {
    if (!bus.connected()) return
    await recorder.outcomes.measure((decision) => figuresAfter(decision, fleet, recent))
  })
  const renew = every(deps.timing.deathRenewEveryMs, { clock, log, name: 'renew' }, async () => {
    for (const ackSubject of deaths.held) ack.renew(bus, ackSubject)
  })

  return {
    async start() {
      if (puller !== undefined) return
      fleetView.onSnapshot(quarantine.enforce)
      await Promise.all([remember.start(), renew.start(), measure.start()])
      puller = createPuller(bus, {
        stream: STREAMS.ops,
        consumer: DEATH_CONSUMER,
        wanted: () => (draining ? 0 : HANDLING_MAX - deaths.handling.size),
        receive: (message) => deaths.receive(message, parts, () => puller?.poke()),
        missing: () => (missingAtMs = clock.monotonicMs()),
      })
    },
    async drain(deadlineMs) {
      draining = true
      puller?.stop()
      await settleWithin(deaths.stop(), deadlineMs)
      await Promise.all([remember.drain(0), renew.drain(0), measure.drain(0)])
      fleetView.close()
      await orchestrator.close()
    },
    ready() {
      if (!bus.connected()) return { ok: false, reason: 'bus-away' }
      const missing = clock.monotonicMs() - missingAtMs < MISSING_FOR_MS
      return missing ? { ok: false, reason: 'deaths-not-read' } : { ok: true }
    },
  }
}

/** Creates the deaths at work, at first none: each is redistributed, then its incident is followed. */
function createDeaths({ bus, log, metrics }: RecoveryDeps) {
  const handling = new Set<Promise<void>>()
  const followed = new Set<Followed>()
  /** The messages of all of them. */
  const held = new Set<string>()
  let stopped = false

  const handle = async (message: PulledMessage, parts: PartDeps): Promise<void> => {
    const death = parseItem(CHANNELS.death, message.text)
    if (death.kind === 'unreadable') return skip(bus, log, message, death.problem)
    held.add(message.ackSubject)
    try {
      const redistributed = await openAndRedistribute(parts, death.value, message.deliveries)
      if (redistributed === undefined) {
        held.delete(message.ackSubject)
        return ack.done(bus, message.ackSubject)
      }
      follow(message, parts, redistributed)
    } catch (error) {
      leave(message, error)
    }
  }

  const follow = (message: PulledMessage, parts: PartDeps, redistributed: Redistributed) => {
    const going = [...followed].filter((one) => !one.cut.signal.aborted)
    if (going.length >= FOLLOWED_MAX) going[0]?.cut.abort(CUT.closeEarly)
    const cut = new AbortController()
    if (stopped) cut.abort(CUT.stopped)
    const work = runWorkflow(parts, redistributed, cut.signal)
      .then((ended) => {
        held.delete(message.ackSubject)
        // A death that was cut short is redelivered at once instead of after its time.
        if (ended) ack.done(bus, message.ackSubject)
        else ack.giveBack(bus, message.ackSubject)
      })
      .catch((error: unknown) => leave(message, error))
      .finally(() => followed.delete(entry))
    const entry: Followed = { cut, work }
    followed.add(entry)
  }

  const leave = (message: PulledMessage, error: unknown): void => {
    held.delete(message.ackSubject)
    metrics.retries.inc()
    log.error(
      { err: error, subject: message.subject },
      'Recovery could not handle the death of a node; NATS delivers it again',
    )
  }

  return {
    held,
    handling,
    receive(message: PulledMessage, parts: PartDeps, handled: () => void): void {
      const work = handle(message, parts).finally(() => {
        handling.delete(work)
        handled()
      })
      handling.add(work)
    },
    /** Cuts the incidents short; resolves when all have ended. */
    stop(): Promise<unknown> {
      stopped = true
      for (const { cut } of followed) cut.abort(CUT.stopped)
      // A death that leaves the redistribution during the drain is followed until it notices the stop.
      return Promise.all(handling).then(() => Promise.all([...followed].map(({ work }) => work)))
    },
  }
}

/** Skips a message that is not a death; NATS delivers a newer one again, so that recovery of that release can take it. */
function skip(
  bus: Bus,
  log: Logger,
  { subject, ackSubject }: PulledMessage,
  problem: ServiceError,
): void {
  const isNewer = problem.code === 'newer-format'
  if (!isNewer) ack.done(bus, ackSubject)
  log.error(
    { subject, err: problem },
    isNewer
      ? 'Recovery cannot read a death that a newer release has stored; NATS delivers it again'
      : 'Recovery skipped a message that does not describe the death of a node',
  )
}
