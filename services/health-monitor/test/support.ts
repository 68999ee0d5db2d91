import {
  ack,
  connectRegistry,
  createPuller,
  openOps,
  openPointerConsumers,
  type Bus,
} from '@agentfleet/adapters'
import {
  STREAMS,
  SUBJECTS,
  type Decision,
  type History,
  DEATH_CONSUMER,
  deathSchema,
  type Heartbeat,
  type Snapshot,
  type Death,
  CHANNELS,
  type TenantQueue,
  waitingConsumer,
} from '@agentfleet/protocol'
import { createLogger, createRegistry, systemClock, type Service } from '@agentfleet/runtime'
import { startSecuredServers } from '@agentfleet/testkit'
import { vi } from 'vitest'
import { createMetrics } from '../src/metrics.ts'
import { createHealthMonitor } from '../src/service.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'error' })
/** Short, so that a test does not wait for half a minute. */
export const STALL_MS = 2_000

/** The longest wait of these tests on a busy machine, milliseconds. */
const SOON_MS = 40_000
/** A monitor that has just connected withholds deaths for this many snapshots. */
const SETTLED_SNAPSHOTS = 14
const STEADY_NODES = 6

/** Returns this many node names. */
export const namesOf = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => prefix + i)

/** The servers and helpers of a monitor test. */
export type World = Awaited<ReturnType<typeof startWorld>>

/**
 * Two monitors on real NATS with the production permissions, Consul, and six nodes: enough that one
 * more death is not a mass failure. `settled`: waits until the monitors declare deaths.
 */
export async function startWorld({ settled }: { readonly settled: boolean }) {
  const world = await startEmptyWorld()
  try {
    await world.monitor('monitor-1')
    await world.monitor('monitor-2')
    await Promise.all(namesOf('steady-', STEADY_NODES).map((id) => world.node(id)))
    await world.until(() => world.last(`steady-${STEADY_NODES - 1}`)?.state === 'alive')
    if (settled) await world.nextSnapshots(SETTLED_SNAPSHOTS)
  } catch (error) {
    await world[Symbol.asyncDispose]()
    throw error
  }
  return world
}

async function startEmptyWorld() {
  const servers = await startSecuredServers({ log, beside: ['consul'] })
  const { nats, consul, bus: watcher, connect } = servers
  const services: Service[] = []
  const deaths: (Death & { seenAtMs: number })[] = []
  const snapshots: Snapshot[] = []
  let lastDeathSeq = 0
  // Reads stored deaths as recovery does; a plain subscriber also gets those that the server refused.
  const puller = createPuller(watcher, {
    stream: STREAMS.ops,
    consumer: DEATH_CONSUMER,
    wanted: () => 100,
    receive(message) {
      ack.done(watcher, message.ackSubject)
      // A killed server may have lost the acknowledgement and deliver the same message again.
      if (message.seq <= lastDeathSeq) return
      lastDeathSeq = message.seq
      const death = deathSchema.parse(JSON.parse(message.text))
      deaths.push({ ...death, seenAtMs: performance.now() })
    },
  })
  const decisions: Decision[] = []
  const histories: History[] = []
  watcher.subscribe(SUBJECTS.opsDecision('health-monitor'), (message) => {
    decisions.push(JSON.parse(message.text()) as Decision)
  })
  watcher.on(CHANNELS.history, (history) => void histories.push(history))
  watcher.on(CHANNELS.snapshot, (snapshot) => void snapshots.push(snapshot))

  const last = (nodeId: string) => snapshots.at(-1)?.nodes.find((node) => node.nodeId === nodeId)
  const until = (holds: () => boolean, timeout = SOON_MS) =>
    vi.waitUntil(holds, { timeout, interval: 10 })

  return {
    nats,
    consul,
    watcher,
    until,
    /** Resolves after this many more snapshots. */
    async nextSnapshots(count: number) {
      const seen = snapshots.length
      await until(() => snapshots.length >= seen + count)
    },
    deathsOn: (nodeId: string) => deaths.filter((given) => given.nodeId === nodeId),
    decisionsOn: (nodeId: string) =>
      decisions
        .filter(({ about }) => about === nodeId)
        .map(({ kind, reason }) => [kind, reason] as const),
    /** Fetches one pointer as a load balancer does; resolves with its ack subject. */
    async fetchPointer(queue: TenantQueue) {
      await openPointerConsumers(watcher).make(queue)
      return new Promise<string>((resolve) => {
        let left = 1
        const { name: consumer } = waitingConsumer(queue)
        const one = createPuller(watcher, {
          stream: STREAMS.tasks,
          consumer,
          wanted: () => left,
          receive({ ackSubject }) {
            left = 0
            one.stop()
            resolve(ackSubject)
          },
        })
      })
    },
    /** Removes a node from the next test without a death. */
    async leave(node: ReturnType<typeof startNode>) {
      node.say({ draining: true, active: 0, queued: 0 })
      await node.crash()
      await until(() => last(node.nodeId) === undefined)
    },
    registry: connectRegistry({ url: consul.url, log }),
    deaths,
    snapshots,
    decisions,
    histories,
    last,
    async monitor(monitorId = 'monitor-1') {
      const bus = await connect('health-monitor')
      const registry = createRegistry(monitorId)
      const service = createHealthMonitor({
        bus,
        ops: openOps(bus),
        registry: connectRegistry({ url: consul.url, log }),
        clock: systemClock,
        log,
        metrics: createMetrics(registry),
        monitorId,
        stallMs: STALL_MS,
      })
      services.push(service)
      await service.start()
      return { stop: () => service.drain(1_000), page: () => registry.metrics() }
    },
    node: async (nodeId: string) => startNode(nodeId, await connect('worker')),
    async [Symbol.asyncDispose]() {
      puller.stop()
      for (const service of services) await service.drain(1_000)
      await servers[Symbol.asyncDispose]()
    },
  }
}

/** A node on the bus: heartbeats, and answers to pings. */
function startNode(nodeId: string, bus: Bus) {
  const startedAtMs = Date.now()
  let change: Partial<Heartbeat> = { incarnation: startedAtMs }
  let version = 0
  let told = 0
  let drains = 0
  let heard = 0
  let hears = false
  const heartbeat = (): void => {
    version += 1
    heard += hears ? 1 : 0
    const work = { heard, calling: hears ? 5 : 0, waiting: 0, stuckMs: 0, stallMs: 0 }
    const figures = { slots: 10, active: 1, queued: 0, cpu: 0.5, memory: 0.5, memoryBytes: 1 }
    const rest = { lagMs: 0, responseMs: 0, completed: 0, failed: 0, draining: false, startedAtMs }
    const incarnation = startedAtMs
    const full: Heartbeat = { nodeId, incarnation, version, ...figures, ...rest, work, ...change }
    bus.send(CHANNELS.heartbeat, full, { nodeId })
  }
  let answers = true
  const own = { where: { nodeId } }
  const answer = (): Promise<Record<string, never>> =>
    answers ? Promise.resolve({}) : new Promise(() => undefined)
  const ping = ({ deadIncarnation }: { readonly deadIncarnation?: number | undefined }) => {
    if (deadIncarnation !== undefined) told = deadIncarnation
    return answer()
  }
  bus.on(CHANNELS.ping, ping, own)
  const drain = () => {
    drains += 1
    return {}
  }
  bus.on(CHANNELS.drain, drain, own)
  heartbeat()
  let timer: NodeJS.Timeout | undefined = setInterval(heartbeat, 500)
  return {
    nodeId,
    startedAtMs,
    told: () => told,
    drains: () => drains,
    /** Makes the node call a provider and receive its answer from now on. */
    work() {
      hears = true
      change = { ...change, active: 5 }
      heartbeat()
    },
    say(next: Partial<Heartbeat>) {
      change = { ...change, ...next }
      heartbeat()
    },
    silence() {
      clearInterval(timer)
      timer = undefined
    },
    resume() {
      answers = true
      timer ??= setInterval(heartbeat, 500)
      heartbeat()
    },
    /** Crashes the node: its connection closes at once. */
    async crash() {
      clearInterval(timer)
      await bus.close()
      return performance.now()
    },
    /** Freezes the node like SIGSTOP: its connection stays open and silent. */
    freeze() {
      clearInterval(timer)
      timer = undefined
      answers = false
      return performance.now()
    },
  }
}
