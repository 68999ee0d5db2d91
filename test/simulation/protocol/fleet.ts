import { timingOf } from '@agentfleet/domain'
import {
  openPointers,
  openTaskLog,
  provisionStreams,
  type Bus,
} from '../../../libs/adapters/src/index.ts'
import { loadConfig, type Service } from '../../../libs/runtime/src/index.ts'
import { createCoordinator } from '../../../services/coordinator/src/service.ts'
import type { Admission } from '../../../services/gateway/src/tasks/admission.ts'
import { createHandover } from '../../../services/gateway/src/tasks/handover.ts'
import { createReader } from '../../../services/gateway/src/tasks/reads.ts'
import { createSubmitter, type Submitter } from '../../../services/gateway/src/tasks/submit.ts'
import { createLoadBalancer } from '../../../services/load-balancer/src/service.ts'
import { schema, type WorkerConfig } from '../../../services/worker/src/config.ts'
import { createWorker, type WorkerDeps } from '../../../services/worker/src/service.ts'
import { builtInTools } from '../../../services/worker/src/tools/built-in.ts'
import { delegateTool } from '../../../services/worker/src/tools/delegate.ts'
import type { Tools } from '../../../services/worker/src/tools/tool.ts'
import { connectMemoryBus, type Effect } from './memory/bus.ts'
import type { MemoryNats } from './memory/server.ts'
import type { MemoryStore } from './memory/store.ts'
import { guardedTool, type Provider } from './stand-ins/provider.ts'
import { chanceOf, type Chance } from './time/random.ts'
import {
  clockOf,
  loggerOf,
  NO_ADVISER,
  NO_OPS,
  NO_SCHEDULES,
  NO_METRICS,
  registryOf,
} from './stand-ins/services.ts'
import type { Process, VirtualTime } from './time/virtual-time.ts'

/**
 * The processes of a history: the product's own services over a bus, a log and a store in memory.
 *
 * A process crashes before or after one of the messages that matter, and is started again a moment later,
 * with the same id and an empty memory.
 */
export interface Fleet {
  readonly members: readonly Member[]
  /** Kills a process; `backAfterMs` undefined: it stays away until `calm`. */
  crash(member: Member, backAfterMs: number | undefined): void
  /** From now on nothing crashes, and every dead process is started. */
  calm(): void
  gateways(): readonly Gateway[]
  /** Messages that a process could not read, or could not send for their size. */
  refusals(): readonly string[]
  nodeIds: readonly string[]
  readonly recovery: { readonly process: Process; readonly bus: Bus }
}

/** Kinds of processes. */
export type Kind = 'gateway' | 'coordinator' | 'load-balancer' | 'worker'

/** One process, through all its restarts. */
export interface Member {
  readonly kind: Kind
  readonly id: string
  process: Process
  gateway: Gateway | undefined
  /** It crashes at this effect; undefined: it does not. */
  crashAt: { readonly effect: number; readonly before: boolean } | undefined
  effects: number
  lives: number
  /** Difference of its wall clock from the true time; it stays the same after a restart. */
  clockOffsetMs: number
}

/** The connection that the client of a history uses. */
export interface Gateway {
  readonly member: Member
  readonly process: Process
  readonly submitter: Submitter
  readonly bus: Bus
}

/** The parts of a fleet. */
export interface FleetOptions {
  readonly server: MemoryNats
  readonly store: MemoryStore
  readonly provider: Provider
  readonly time: VirtualTime
  readonly chance: Chance
  readonly sizes: Readonly<Record<Kind, number>>
  readonly slots: number
  /** Called when a process reaches the message at which it has to die. */
  readonly died: (member: Member) => void
  readonly say: ((line: string) => void) | undefined
}

/** As in other tests: leases, repairs and backoffs of a tenth. */
const FLEET_TIMING = timingOf(0.1)
const CLAIM_KEY = 'key of the simulation'
const RETENTION_MS = 86_400_000
/** Messages around which a crash makes a difference; heartbeats and other hints of life do not count. */
const MATTERS =
  /^(log|tasks|\$JS\.ACK|coordinator|balancer\.handover|_INBOX|node\.[^.]+\.(dispatch|stop)|fleet\.(stop|runs)|\$JS\.API\.STREAM\.(PURGE|MSG))/
const TOOLS: Tools = new Map([
  ...builtInTools(),
  ['delegate', delegateTool],
  ['guarded', guardedTool],
])
/** Outcomes of a message that no process of the same release may cause. */
const REFUSALS: ReadonlySet<string> = new Set(['refused', 'item-refused', 'too-large'])
const SUBMISSIONS: Admission = {
  enter: () => undefined,
  leave: () => undefined,
  inFlight: () => 0,
  logFill: { full: () => false, refuses: () => false, note: () => undefined },
  watch: { start: () => Promise.resolve(), drain: () => Promise.resolve() },
}

/** Starts every process, and creates the streams. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { server, time, chance, sizes, say } = options
  const members: Member[] = []
  const buses: Bus[] = []
  let calm = false
  const newProcess = (id: string, clockOffsetMs = 0): Process => ({
    id,
    alive: true,
    settled: false,
    frozenUntilMs: 0,
    clockOffsetMs,
    random: chanceOf(Math.floor(chance() * 2 ** 31)),
  })
  const nodeIds = Array.from({ length: sizes.worker }, (_, index) => `node-${index}`)

  const start = (member: Member): void => {
    member.lives += 1
    member.process = newProcess(member.id, member.clockOffsetMs)
    const { process } = member
    const log = loggerOf(process, time, say)
    const effect: Effect = (subject, run) => {
      if (!process.alive) return
      if (!MATTERS.test(subject)) return run()
      member.effects += 1
      const { crashAt } = member
      if (crashAt === undefined || calm || member.effects !== crashAt.effect) return run()
      if (!crashAt.before) run()
      options.died(member)
    }
    const bus = connectMemoryBus(server, process, effect, log)
    buses.push(bus)
    time.at(time.nowMs() + chance(), process, () => {
      const service = serviceOf(member, bus, options, nodeIds)
      void service?.start()
    })
  }

  const crash = (member: Member, backAfterMs: number | undefined): void => {
    const { process } = member
    if (!process.alive) return
    say?.(`${time.nowMs().toFixed(1).padStart(9)} ${member.id} DIES`)
    process.alive = false
    member.gateway = undefined
    server.disconnect(process)
    if (backAfterMs === undefined) return
    time.at(time.nowMs() + backAfterMs, keeper, () => {
      if (!member.process.alive) start(member)
    })
  }

  const keeper = newProcess('keeper')
  const recovery = newProcess('recovery')
  const keeperLog = loggerOf(keeper, time, say)
  const setUp = connectMemoryBus(server, keeper, (_subject, run) => run(), keeperLog)
  const size = 64 * 1024 * 1024
  const limits = { logMaxBytes: size, tasksMaxBytes: size, opsMaxBytes: size, replicas: 1 }
  let ready = false
  time.at(0, keeper, () => {
    void provisionStreams(setUp, limits, keeperLog, FLEET_TIMING).then(() => {
      ready = true
    })
  })
  await time.run(() => ready, 10_000)
  for (const kind of ['coordinator', 'load-balancer', 'worker', 'gateway'] as const) {
    for (let index = 0; index < sizes[kind]; index += 1) {
      const id = kind === 'worker' ? (nodeIds[index] ?? '') : `${kind}-${index}`
      const member: Member = {
        kind,
        id,
        process: keeper,
        gateway: undefined,
        crashAt: undefined,
        effects: 0,
        lives: 0,
        clockOffsetMs: 0,
      }
      members.push(member)
      start(member)
    }
  }
  return {
    members,
    nodeIds,
    crash,
    recovery: {
      process: recovery,
      bus: connectMemoryBus(
        server,
        recovery,
        (_subject, run) => run(),
        loggerOf(recovery, time, say),
      ),
    },
    gateways: () => members.flatMap(({ gateway }) => gateway ?? []),
    refusals: () =>
      buses.flatMap((bus) =>
        bus.figures().flatMap(({ channel, outcome, count }) => {
          const wrong = count > 0 && REFUSALS.has(outcome)
          return wrong ? [`${channel}: ${count} ${outcome} at ${bus.inboxPrefix}`] : []
        }),
      ),
    calm() {
      calm = true
      for (const member of members) {
        if (!member.process.alive) time.at(time.nowMs(), keeper, () => start(member))
      }
    },
  }
}

function serviceOf(
  member: Member,
  bus: Bus,
  options: FleetOptions,
  nodeIds: readonly string[],
): Service | undefined {
  const { process } = member
  const { time, store, provider, slots, say } = options
  const clock = clockOf(process, time)
  const logger = loggerOf(process, time, say) as WorkerDeps['log']
  const { random } = process
  switch (member.kind) {
    case 'gateway': {
      const taskLog = openTaskLog(bus)
      const reader = createReader({
        bus,
        log: taskLog,
        store: store.open(),
        metrics: NO_METRICS,
        turns: (_tenant, work) => work(),
      })
      const submitter = createSubmitter({
        bus,
        taskLog,
        handover: createHandover({
          bus,
          pointers: openPointers(bus),
          monotonicMs: clock.monotonicMs,
        }),
        reader,
        admission: SUBMISSIONS,
        clock,
        metrics: NO_METRICS,
        appendDeadlineMs: 5_000,
      })
      member.gateway = { member, process, submitter, bus }
      return undefined
    }
    case 'coordinator':
      return createCoordinator({
        metadataKeys: [],
        bus,
        taskLog: openTaskLog(bus),
        pointers: openPointers(bus),
        schedules: NO_SCHEDULES,
        store: store.open(),
        usage: store.usage(),
        clock,
        log: logger,
        timing: FLEET_TIMING,
        metrics: NO_METRICS,
        giveUp: () => undefined,
        claimKey: CLAIM_KEY,
        retentionMs: RETENTION_MS,
        retentionTasks: 1_000_000,
        keptAtLeastMs: 0,
        limits: new Map(),
      })
    case 'load-balancer':
      return createLoadBalancer({
        bus,
        ops: NO_OPS,
        store: store.open(),
        registry: registryOf(nodeIds),
        adviser: NO_ADVISER,
        clock,
        log: logger,
        timing: FLEET_TIMING,
        metrics: NO_METRICS,
        random,
        balancerId: member.id,
        claimKey: CLAIM_KEY,
        allowances: new Map(),
      })
    case 'worker':
      return createWorker({
        bus,
        log: logger,
        clock,
        random,
        registry: NO_METRICS,
        config: configOf(member.id, slots),
        timing: FLEET_TIMING,
        providers: [],
        shared: provider as unknown as WorkerDeps['shared'],
        tools: { all: () => TOOLS, mcpProblems: () => [], close: () => Promise.resolve() },
        shutdown: () => undefined,
      })
  }
}

/** The configurations of workers by their slots; each history would parse the same environment again. */
const CONFIGS = new Map<number, WorkerConfig>()

function configOf(id: string, slots: number): WorkerConfig {
  const config =
    CONFIGS.get(slots) ?? loadConfig(schema, { SERVICE_ID: id, WORKER_SLOTS: String(slots) })
  CONFIGS.set(slots, config)
  return { ...config, SERVICE_ID: id }
}
