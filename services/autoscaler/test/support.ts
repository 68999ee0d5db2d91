import {
  connectBus,
  connectRegistry,
  openOps,
  provisionStreams,
  type Bus,
} from '@agentfleet/adapters'
import { SCALE_LIMITS } from '@agentfleet/domain'
import { defaultCacheDir, findBinaries, startConsul, startNats } from '@agentfleet/local'
import {
  inboxPrefix,
  permissionsOf,
  SERVICES,
  STREAMS,
  SUBJECTS,
  type Decision,
  type ServiceName,
  type Snapshot,
} from '@agentfleet/protocol'
import { createLogger, createRegistry, systemClock, type Service } from '@agentfleet/runtime'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalOrchestrator } from '../src/local.ts'
import { createMetrics } from '../src/metrics.ts'
import { createAutoscaler, type AutoscalerDeps } from '../src/service.ts'
import { followSnapshots } from '../src/snapshots.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const MIB = 1024 ** 2
const sizes = { logMaxBytes: MIB, tasksMaxBytes: MIB, opsMaxBytes: MIB, replicas: 1 }
const TOKEN = 'token-of-the-test'

/** Real NATS with the real permissions, Consul, and a control API whose processes are nodes on the bus. */
export async function startWorld() {
  const dir = await mkdtemp(join(tmpdir(), 'autoscaler-'))
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  const users = SERVICES.map((user) => ({ user, password: user, permissions: permissionsOf(user) }))
  const everything = { user: 'test', password: 'test' }
  const config = { durability: 'process', users: [everything, ...users] } as const
  const [nats, consul] = await Promise.all([
    startNats({ binaries, dir: join(dir, 'nats'), config }),
    startConsul({ binaries, dir: join(dir, 'consul'), persistent: false }),
  ])
  const opened: { close(): Promise<void> }[] = []
  const connect = async (user: ServiceName | 'test'): Promise<Bus> => {
    const prefix = user === 'test' ? '_INBOX_test' : inboxPrefix(user)
    const bus = await connectBus({
      url: nats.url,
      user,
      password: user,
      name: user,
      inboxPrefix: prefix,
      log,
    })
    opened.push(bus)
    return bus
  }
  const bus = await connect('test')
  await provisionStreams(bus, sizes, log)
  const pool = await startPool(await connect('worker'))
  opened.push(pool)
  const decisions: Decision[] = []
  bus.subscribe(SUBJECTS.opsDecision('autoscaler'), (message) => {
    decisions.push(JSON.parse(message.text()) as Decision)
  })
  let load: Partial<Snapshot> = {}
  let telling: NodeJS.Timeout | undefined

  return {
    pool,
    consul,
    decisions,
    registry: () => connectRegistry({ url: consul.url, log }),
    /** Tells of this load from now on, as a health monitor does. */
    tell(next: Partial<Snapshot>) {
      load = next
      telling ??= setInterval(() => {
        const atMs = Date.now()
        const figures = { queued: 0, running: 0, backlogAtMs: atMs, ...load }
        const snapshot = { atMs, monitorId: 'monitor', nodes: pool.beats(), ...figures }
        bus.publish(SUBJECTS.snapshot, JSON.stringify(snapshot))
      }, 50)
    },
    hush() {
      clearInterval(telling)
      telling = undefined
    },
    async autoscaler(
      leading: () => boolean,
      change: Partial<Pick<AutoscalerDeps, 'windowMs' | 'limits'>> = {},
    ) {
      const own = await connect('autoscaler')
      const service: Service = createAutoscaler({
        ops: openOps(own),
        orchestrator: createLocalOrchestrator({ bus: own, url: pool.url, token: TOKEN, log }),
        leadership: { leading },
        snapshots: followSnapshots(own, systemClock),
        clock: systemClock,
        log,
        metrics: createMetrics(createRegistry('autoscaler')),
        intervalMs: 100,
        windowMs: 300,
        limits: { ...SCALE_LIMITS, cooldownMs: 300 },
        ...change,
      })
      await service.start()
      return service
    },
    async forget() {
      await bus.nats.jetstreamManager().then((manager) => manager.streams.purge(STREAMS.ops))
      decisions.length = 0
    },
    async [Symbol.asyncDispose]() {
      clearInterval(telling)
      for (const { close } of opened) await close()
      await Promise.all([nats.stop(), consul.stop()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

interface Process {
  readonly id: string
  readonly startedAtMs: number
  active: number
  draining: boolean
}

/** The control API of an orchestrator, over processes that exist by name only. */
async function startPool(bus: Bus) {
  const processes = new Map<string, Process>()
  const counts: number[] = []
  let started = 0
  const start = (): void => {
    started += 1
    const id = `worker-${started}`
    processes.set(id, { id, startedAtMs: started, active: 0, draining: false })
    bus.subscribe(SUBJECTS.drain(id), (message) => {
      const process = processes.get(id)
      if (process !== undefined) process.draining = true
      message.respond('{}')
    })
  }
  const setCount = (count: number): void => {
    counts.push(count)
    while (processes.size < count) start()
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      if (request.headers.authorization !== `Bearer ${TOKEN}`) return response.writeHead(401).end()
      if (request.method === 'POST') setCount((JSON.parse(body) as { count: number }).count)
      const workers = [...processes.values()].map((one) => ({ ...one, pid: 1, state: 'running' }))
      return response.end(JSON.stringify({ workers }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    processes,
    counts,
    reset(count: number) {
      processes.clear()
      setCount(count)
      counts.length = 0
    },
    draining: () => [...processes.values()].filter((one) => one.draining).map(({ id }) => id),
    exit: (id: string) => void processes.delete(id),
    beats: (): Snapshot['nodes'] =>
      [...processes.values()].map(({ id, ...one }) => ({
        nodeId: id,
        incarnation: 1,
        version: 1,
        slots: 100,
        queued: 0,
        cpu: 0,
        memory: 0,
        memoryBytes: 0,
        lagMs: 0,
        responseMs: 0,
        completed: 0,
        failed: 0,
        beatAgeMs: 0,
        state: 'alive' as const,
        ...one,
      })),
    async close() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
