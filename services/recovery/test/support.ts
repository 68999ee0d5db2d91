import { createAdviser, type Adviser } from '@agentfleet/adviser'
import {
  ack,
  connectStore,
  createPuller,
  openOps,
  openPointerConsumers,
  type PulledMessage,
  type Store,
} from '@agentfleet/adapters'
import { timingOf } from '@agentfleet/domain'
import { followFleet } from '@agentfleet/control-plane'
import { openOrchestrator, orchestratorEnv, type Orchestrator } from '@agentfleet/orchestrator'
import {
  SUBJECTS,
  taskIdOf,
  waitingConsumer,
  type Decision,
  type Incident,
  type Snapshot,
  type Death,
  CHANNELS,
} from '@agentfleet/protocol'
import {
  createClosers,
  createLogger,
  createRegistry,
  loadConfig,
  systemClock,
  type Logger,
  type Service,
} from '@agentfleet/runtime'
import { listen, startSecuredServers } from '@agentfleet/testkit'
import { createServer } from 'node:http'
import { z } from 'zod'
import { build } from '../src/build.ts'
import { schema } from '../src/config.ts'
import { createMetrics } from '../src/metrics.ts'
import { createRecovery } from '../src/service.ts'

export const log: Logger = createLogger({ service: 'test', id: 'test', level: 'silent' })
const TOKEN = 'token-of-the-test'
/** A death stays with a silent recovery for 3 s. */
const TIMING = timingOf(0.3)
/** Milliseconds within which returned tasks are fetched on a busy machine. */
const OUTCOME_WITHIN_MS = 3_000
/** The broker answers within this on a busy machine, milliseconds. */
const ANSWERS_WITHIN_MS = 20_000

/** A pointer as a load balancer got it. */
export type Delivery = PulledMessage & { readonly taskId: string; readonly atMs: number }
type Node = Snapshot['nodes'][number]

interface RecoveryChange {
  readonly id?: string
  readonly orchestrator?: Orchestrator
  readonly adviser?: Adviser
  readonly store?: Store
  readonly outcomeWithinMs?: number
}

/** Real NATS with the production permissions, Redis, a control API, and recovery. */
export async function startWorld() {
  const servers = await startSecuredServers({ log, beside: ['redis'], timing: TIMING })
  const { bus, redis } = servers
  const control = await startControl()
  const store = await connectStore({ url: redis.url, log })
  servers.closing(store)
  const services: Service[] = []
  const ops = openOps(bus)
  const deliveries: Delivery[] = []
  const queue = { tenant: 'acme', priority: 'medium' } as const
  await openPointerConsumers(bus).make(queue)
  const puller = createPuller(bus, {
    stream: 'TASKS',
    consumer: waitingConsumer(queue).name,
    wanted: () => 2_000,
    receive(message) {
      const taskId = taskIdOf(message.subject)
      deliveries.push({ ...message, taskId, atMs: performance.now() })
    },
  })
  const incidents: Incident[] = []
  const decisions: Decision[] = []
  bus.subscribe(SUBJECTS.allIncidents, (message) => {
    incidents.push(JSON.parse(message.text()) as Incident)
  })
  bus.subscribe(SUBJECTS.opsDecision('recovery'), (message) => {
    decisions.push(JSON.parse(message.text()) as Decision)
  })
  const stagesOf = (nodeId: string) => incidents.filter((one) => one.nodeId === nodeId)

  return {
    bus,
    redis,
    store,
    deliveries,
    decisions,
    /** Returns every record of the node's incidents in order. */
    stagesOf,
    /** Returns the last record of the node's incidents. */
    incidentOf: (nodeId: string) => stagesOf(nodeId).at(-1),
    replaced: control.replaced,
    left: control.left,
    async recovery(change: RecoveryChange = {}) {
      const own = await servers.connect('recovery')
      const service = createRecovery({
        bus: own,
        fleetView: followFleet(own, systemClock),
        ops: openOps(own),
        store: change.store ?? store,
        clock: systemClock,
        log,
        metrics: createMetrics(createRegistry('recovery')),
        orchestrator: change.orchestrator ?? (await localOrchestrator(control.url)),
        adviser: change.adviser ?? noAdviser(),
        instanceId: change.id ?? `recovery-${services.length + 1}`,
        timing: { ...TIMING, outcomeWithinMs: change.outcomeWithinMs ?? OUTCOME_WITHIN_MS },
      })
      services.push(service)
      await service.start()
      // The broker has its subscriptions from now on.
      await own.roundTrip(ANSWERS_WITHIN_MS)
      return { service, bus: own }
    },
    /** Starts recovery as its process does, on a machine whose clock is ahead by so much. */
    async onMachine(aheadMs: number) {
      const own = await servers.connect('recovery')
      const closers = createClosers(log, ANSWERS_WITHIN_MS)
      servers.closing({ close: () => closers.closeAll() })
      const id = `recovery-${services.length + 1}`
      const config = loadConfig(schema, {
        SERVICE_ID: id,
        NATS_URL: servers.nats.url,
        REDIS_URL: redis.url,
        DRIVER: 'local',
        ORCHESTRATOR_URL: control.url,
        ORCHESTRATOR_TOKEN: TOKEN,
      })
      const context = {
        id,
        config,
        log,
        clock: { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs },
        random: Math.random,
        timing: { ...TIMING, outcomeWithinMs: OUTCOME_WITHIN_MS },
        registry: createRegistry('recovery'),
        closers,
        bus: own,
        store,
        adviser: noAdviser(),
      }
      const service = await build(context as unknown as Parameters<typeof build>[0])
      services.push(service)
      await service.start()
      await own.roundTrip(ANSWERS_WITHIN_MS)
    },
    async stopRecoveries() {
      for (const service of services.splice(0)) await service.drain(1_000)
    },
    issue(taskIds: readonly string[]) {
      for (const id of taskIds) bus.publish(SUBJECTS.pointer('medium', 'acme', id), '{}')
    },
    deliveriesOf: (taskId: string) => deliveries.filter((one) => one.taskId === taskId),
    note: (nodeId: string, given: readonly Delivery[]) =>
      store.noteInflight(given.map(({ taskId, ackSubject }) => ({ taskId, nodeId, ackSubject }))),
    finish: (given: readonly Delivery[]) => {
      for (const { ackSubject } of given) ack.done(bus, ackSubject)
    },
    death: (nodeId: string, change: Partial<Death> = {}) =>
      ops.declareDead({ ...deathOn(nodeId), ...change }),
    /** Publishes a snapshot and waits until every subscriber has it. */
    async say(nodes: readonly Node[]) {
      const rest = { atMs: Date.now(), monitorId: 'monitor', queued: 0, running: 0 }
      bus.send(CHANNELS.snapshot, { ...rest, nodes: [...nodes] })
      await bus.roundTrip(ANSWERS_WITHIN_MS)
    },
    async [Symbol.asyncDispose]() {
      puller.stop()
      for (const service of services) await service.drain(1_000)
      await control.close()
      await servers[Symbol.asyncDispose]()
    },
  }
}

/** The driver of a local fleet whose control API is at this address. */
function localOrchestrator(url: string): Promise<Orchestrator> {
  const env = { DRIVER: 'local', ORCHESTRATOR_URL: url, ORCHESTRATOR_TOKEN: TOKEN }
  return openOrchestrator(loadConfig(z.object(orchestratorEnv), env), {
    latest: () => undefined,
    drain: async () => false,
    clock: systemClock,
    log,
    random: Math.random,
  })
}

function noAdviser(): Adviser {
  const limits = {
    callsPerHour: 0,
    usdPerHour: 0,
    callsAtOnce: 1,
    timeoutMs: 1_000,
    outputTokensMax: 100,
  }
  return createAdviser({
    mode: 'off',
    apiKey: undefined,
    baseUrl: undefined,
    model: 'none',
    prices: {},
    limits,
    clock: systemClock,
    log,
  })
}

function deathOn(nodeId: string): Death {
  const atMs = Date.now()
  const rest = { reason: 'connection-gone', phi: 9, silentMs: 1_500, startedAtMs: 1 }
  return { nodeId, incarnation: 1, state: 'dead', atMs, ...rest }
}

/** The part of an orchestrator's control API that recovery uses; it refuses orders for `refused-…`. */
async function startControl() {
  const replaced: string[] = []
  const left: string[] = []
  const server = createServer((request, response) => {
    const [, id = '', verb] = /^\/workers\/([^/]+)\/(replace|leave)$/.exec(request.url ?? '') ?? []
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      response.writeHead(401).end()
      return
    }
    request.resume().on('end', () => {
      if (verb === 'replace') replaced.push(id)
      if (verb === 'leave') left.push(id)
      response.writeHead(id.startsWith('refused') ? 500 : 202).end('{}')
    })
  })
  const { url, close } = await listen(server)
  return { url, replaced, left, close }
}
