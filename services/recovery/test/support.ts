import {
  ack,
  connectBus,
  connectStore,
  createPuller,
  openOps,
  provisionStreams,
  type Bus,
  type PulledMessage,
} from '@agentfleet/adapters'
import { defaultCacheDir, findBinaries, startNats, startRedis } from '@agentfleet/local'
import {
  inboxPrefix,
  permissionsOf,
  pointerConsumer,
  SERVICES,
  SUBJECTS,
  taskIdOf,
  type Incident,
  type ServiceName,
  type Snapshot,
  type Verdict,
} from '@agentfleet/protocol'
import { createLogger, createRegistry, systemClock, type Service } from '@agentfleet/runtime'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMetrics } from '../src/metrics.ts'
import { createReplacer } from '../src/replacer.ts'
import { createRecovery } from '../src/service.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const MIB = 1024 ** 2
const sizes = { logMaxBytes: MIB, tasksMaxBytes: 64 * MIB, opsMaxBytes: MIB, replicas: 1 }
const TOKEN = 'token-of-the-test'

/** A pointer as a load balancer got it. */
export type Delivery = PulledMessage & { readonly taskId: string; readonly atMs: number }

/** Real NATS with the real permissions, Redis, a control API, and recovery on top. */
export async function startWorld() {
  const dir = await mkdtemp(join(tmpdir(), 'recovery-'))
  const binaries = await findBinaries({ cacheDir: defaultCacheDir(process.env) })
  const users = SERVICES.map((user) => ({ user, password: user, permissions: permissionsOf(user) }))
  const everything = { user: 'test', password: 'test' }
  const config = { durability: 'process', users: [everything, ...users] } as const
  const [nats, redis, control] = await Promise.all([
    startNats({ binaries, dir: join(dir, 'nats'), config }),
    startRedis({ binaries, dir: join(dir, 'redis') }),
    startControl(),
  ])
  const opened: { close(): Promise<void> }[] = []
  const services: Service[] = []
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
  const store = await connectStore({ url: redis.url, log })
  opened.push(store)
  const ops = openOps(bus)
  const deliveries: Delivery[] = []
  const puller = createPuller(bus, {
    stream: 'TASKS',
    consumer: pointerConsumer('medium'),
    wanted: () => 2_000,
    receive(message) {
      const taskId = taskIdOf(message.subject)
      deliveries.push({ ...message, taskId, atMs: performance.now() })
    },
  })
  const incidents: Incident[] = []
  bus.subscribe('ops.incident.*', (message) => {
    incidents.push(JSON.parse(message.text()) as Incident)
  })

  return {
    bus,
    redis,
    store,
    deliveries,
    incidents,
    replaced: control.replaced,
    async recovery() {
      const own = await connect('recovery')
      const service = createRecovery({
        bus: own,
        ops: openOps(own),
        store,
        clock: systemClock,
        log,
        metrics: createMetrics(createRegistry('recovery')),
        replacer: createReplacer({ url: control.url, token: TOKEN }),
      })
      services.push(service)
      await service.start()
      return service
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
    verdict: (nodeId: string, change: Partial<Verdict> = {}) =>
      ops.giveVerdict({ ...verdictOn(nodeId), ...change }),
    say: (snapshot: Partial<Snapshot>) =>
      bus.publish(SUBJECTS.snapshot, JSON.stringify({ ...emptySnapshot(), ...snapshot })),
    async [Symbol.asyncDispose]() {
      puller.stop()
      for (const service of services) await service.drain(1_000)
      for (const { close } of opened) await close()
      await Promise.all([nats.stop(), redis.stop(), control.close()])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

function verdictOn(nodeId: string): Verdict {
  const rest = { reason: 'connection-gone', phi: 9, silentMs: 1_500, startedAtMs: 1 }
  return { nodeId, incarnation: 1, state: 'dead', atMs: Date.now(), ...rest }
}

function emptySnapshot(): Snapshot {
  return { atMs: Date.now(), monitorId: 'monitor', nodes: [], queued: 0, running: 0 }
}

/** The part of an orchestrator's control API that recovery uses. */
async function startControl() {
  const replaced: string[] = []
  const server = createServer((request, response) => {
    const id = /^\/workers\/([^/]+)\/replace$/.exec(request.url ?? '')?.[1]
    const allowed = request.headers.authorization === `Bearer ${TOKEN}`
    if (allowed && id !== undefined && request.method === 'POST') replaced.push(id)
    response.writeHead(!allowed ? 401 : id === undefined ? 404 : 202).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    replaced,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
