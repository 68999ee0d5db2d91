import { ack, type Bus, type Logger } from '@agentfleet/adapters'
import { stopSchema, SUBJECTS } from '@agentfleet/protocol'
import type { Clock, Registry, Service } from '@agentfleet/runtime'
import { createAttempts } from './attempt.ts'
import { createBeats } from './beats.ts'
import type { BeatThreadData } from './beat-thread.ts'
import { memoryLimitBytes, type WorkerConfig } from './config.ts'
import { createDeltas } from './deltas.ts'
import { listenToDispatches } from './dispatch.ts'
import { createLlm } from './llm.ts'
import { createMetrics } from './metrics.ts'
import { createOwnership } from './ownership.ts'
import { createRenewals } from './renewals.ts'
import { createReporter } from './reports.ts'
import { createRuns, type Run } from './runs.ts'
import { builtInTools } from './tools.ts'

/**
 * A worker node: takes dispatched tasks, runs them, reports.
 *
 * States: made → running → draining (takes nothing new) → closed. Invariants: one pulse drives
 * everything periodic; when a drain's time is up, what still runs is ended and its pointers are given
 * back, each once, so that it goes on elsewhere from its journal.
 */

/** What a worker is built from. */
export interface WorkerDeps {
  readonly bus: Bus
  readonly log: Logger
  readonly clock: Clock
  readonly random: () => number
  readonly registry: Registry
  readonly config: WorkerConfig
  readonly logLevel: BeatThreadData['logLevel']
  readonly shutdown: (reason: string) => void
}

const PULSE_MS = 250
/** A pulse that comes this late means that the process stood still, milliseconds. */
const PAUSE_MS = 2_000
/** Time of a drain that is kept for giving back: a publish and a flush. */
const GIVE_BACK_MS = 500

/** Builds a worker; it opens nothing before `start`. */
export function createWorker(deps: WorkerDeps): Service {
  const { bus, log, clock, config } = deps
  const nodeId = config.SERVICE_ID
  const life = createLife(deps)
  const { runs, beats, attempts } = life
  const subscriptions: { close(): void }[] = []
  let pulse: NodeJS.Timeout | undefined
  let stopListening: (() => void) | undefined
  let draining = false
  /** What a drain waits for. */
  let onIdle: (() => void) | undefined
  life.onOver = () => {
    if (runs.size() === 0) onIdle?.()
  }

  const drainBy = (idle: () => void): void => {
    draining = true
    beats.drain()
    onIdle = idle
    if (runs.size() === 0) idle()
  }

  const listen = (): void => {
    subscriptions.push(
      listenToDispatches({
        bus,
        log,
        nodeId,
        slots: config.WORKER_SLOTS,
        runs,
        draining: () => draining,
        take: life.take,
        start: attempts.start,
        beat: beats.current,
      }),
      bus.subscribe(SUBJECTS.ping(nodeId), (message) => {
        message.respond(JSON.stringify(beats.current()))
      }),
      bus.subscribe(SUBJECTS.stop(nodeId), (message) => {
        for (const taskId of stopSchema.parse(JSON.parse(message.text())).taskIds) {
          const run = runs.get(taskId)
          if (run !== undefined) runs.end(run, 'stopped')
        }
      }),
      bus.subscribe(SUBJECTS.drain(nodeId), (message) => {
        if (!draining) drainBy(() => deps.shutdown('drained'))
        message.respond(JSON.stringify(beats.current()))
      }),
    )
  }

  return {
    async start() {
      if (pulse !== undefined) return
      pulse = setInterval(createPulse(life, clock), PULSE_MS)
      stopListening = bus.onReconnect(() => life.ownership.doubtAll('bus back'))
      await beats.start()
      listen()
    },
    ready: () => (draining ? { ok: false, reason: 'draining' } : { ok: true }),
    async drain(deadlineMs) {
      await emptied(drainBy, Math.max(0, deadlineMs - GIVE_BACK_MS))
      for (const run of [...runs.all()]) {
        if (runs.end(run, 'given-back')) ack.giveBack(bus, run.ackSubject)
      }
      for (const subscription of subscriptions.splice(0)) subscription.close()
      stopListening?.()
      clearInterval(pulse)
      life.deltas.close()
      life.llm.close()
      await beats.close()
    },
  }
}

/** Everything of a worker that lives from its start to its end, wired. */
function createLife({ bus, log, clock, random, registry, config, logLevel }: WorkerDeps) {
  const nodeId = config.SERVICE_ID
  const startedAtMs = clock.nowMs()
  const tools = builtInTools()
  const metrics = createMetrics(registry, {
    running: () => runs.size(),
    lagMs: () => beats.lagMs(),
  })
  const runs = createRuns((over) => {
    if (over?.over !== undefined) metrics.attempts.inc({ outcome: over.over })
    if (over?.over === 'superseded') metrics.superseded.inc()
    beats.changed(over)
    if (over !== undefined) life.onOver()
  })
  const beats = createBeats({
    bus,
    runs: () => runs,
    slots: config.WORKER_SLOTS,
    monotonicMs: () => clock.monotonicMs(),
    thread: {
      nodeId,
      startedAtMs,
      intervalMs: config.BEAT_INTERVAL_MS,
      memoryLimitBytes: memoryLimitBytes(config.MEMORY_LIMIT_MB),
      logLevel,
      nats: { url: config.NATS_URL, user: config.NATS_USER, password: config.NATS_PASSWORD },
    },
    wasSilent: () => ownership.doubtAll('silent'),
  })
  const reporter = createReporter({
    bus,
    log,
    clock,
    random,
    metrics,
    nodeId,
    startedAtMs,
    slots: config.WORKER_SLOTS,
  })
  const ownership = createOwnership({ bus, log, runs, reporter })
  const renewals = createRenewals(bus, runs, config.RENEW_INTERVAL_MS, random)
  const deltas = createDeltas(bus, nodeId)
  const llm = createLlm({
    apiKey: config.OPENAI_API_KEY,
    baseUrl: config.OPENAI_BASE_URL,
    silenceMs: config.LLM_SILENCE_TIMEOUT_MS,
    callMs: config.LLM_CALL_TIMEOUT_MS,
    outputBytesMax: config.RESULT_LIMIT_BYTES,
    nowMs: () => clock.nowMs(),
  })
  const attempts = createAttempts({
    bus,
    log,
    runs,
    reporter,
    llm,
    tools,
    deltas,
    clock,
    metrics,
    turnsMax: config.MAX_TURNS,
    resultBytesMax: config.RESULT_LIMIT_BYTES,
  })
  const take = (item: Parameters<typeof runs.add>[0]): Run => {
    const now = clock.monotonicMs()
    return runs.add(item, now, renewals.firstAtMs(now))
  }
  const life = {
    runs,
    beats,
    ownership,
    renewals,
    deltas,
    llm,
    attempts,
    take,
    onOver: () => undefined as void,
  }
  return life
}

/** Sign of life, lost time, renewals, limits of calls: one timer for all of it. */
function createPulse(life: ReturnType<typeof createLife>, clock: Clock): () => void {
  let lastMs = clock.monotonicMs()
  return () => {
    const now = clock.monotonicMs()
    life.beats.tick()
    // Before any renewal: whoever stood still may have lost what it ran.
    if (now - lastMs > PAUSE_MS) life.ownership.doubtAll('paused')
    lastMs = now
    life.renewals.sweep(now)
    life.llm.sweep(clock.nowMs())
  }
}

/** Resolves when nothing runs any more, at the latest at the deadline. */
function emptied(drainBy: (idle: () => void) => void, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, deadlineMs)
    drainBy(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
