import { ack, connectRegistry, createPuller, openOps, type Bus } from '@agentfleet/adapters'
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
} from '@agentfleet/protocol'
import { createLogger, createRegistry, systemClock, type Service } from '@agentfleet/runtime'
import { startSecuredServers } from '@agentfleet/testkit'
import { createMetrics } from '../src/metrics.ts'
import { createHealthMonitor } from '../src/service.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'error' })
/** Short, so that a test need not wait for half a minute. */
export const STALL_MS = 2_000

/** Real NATS with the real permissions, and Consul, and a way to run monitors and nodes on them. */
export async function startWorld() {
  const servers = await startSecuredServers({ log, beside: ['consul'] })
  const { nats, consul, bus: watcher, connect } = servers
  const services: Service[] = []
  const deaths: (Death & { seenAtMs: number })[] = []
  const snapshots: Snapshot[] = []
  // What is stored, as recovery gets it; plain subscribers also see what was refused.
  const puller = createPuller(watcher, {
    stream: STREAMS.ops,
    consumer: DEATH_CONSUMER,
    wanted: () => 100,
    receive(message) {
      ack.done(watcher, message.ackSubject)
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

  return {
    nats,
    consul,
    watcher,
    deaths,
    snapshots,
    decisions,
    histories,
    last: (nodeId: string) => snapshots.at(-1)?.nodes.find((node) => node.nodeId === nodeId),
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
        intervalMs: 50,
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

/** A node as the bus sees it: heartbeats, and an answer to pings. */
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
    /** Calls a provider from here on, and hears it. */
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
    /** As a crash: the connection is gone at once. */
    async crash() {
      clearInterval(timer)
      await bus.close()
      return performance.now()
    },
    /** As SIGSTOP: the connection stands and nothing is said on it. */
    freeze() {
      clearInterval(timer)
      timer = undefined
      answers = false
      return performance.now()
    },
  }
}
