import { createAdviser, type Adviser, type AdviserMode } from '@agentfleet/adviser'
import {
  connectRegistry,
  connectStore,
  openOps,
  openPointers,
  type Bus,
} from '@agentfleet/adapters'
import { TIMING, type Level } from '@agentfleet/domain'
import {
  newTaskId,
  STREAMS,
  type Balancer,
  type Decision,
  type Pointer,
  type PointerQueue,
  type Snapshot,
  CHANNELS,
} from '@agentfleet/protocol'
import {
  createLogger,
  createRegistry,
  systemClock,
  type Clock,
  type Service,
} from '@agentfleet/runtime'
import { eventually, listen, startSecuredServers } from '@agentfleet/testkit'
import { createServer } from 'node:http'
import { createMetrics } from '../src/metrics.ts'
import { createLoadBalancer } from '../src/service.ts'
import type { Allowances } from '../src/intake/tenant-shares.ts'
import { startNode, type NodeOptions, type TestNode } from './nodes.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
/** Milliseconds for Consul and several processes on two busy cores. */
export const SOON_MS = 15_000
/** Signs the tasks, claims and dispatches of the tests. */
export const CLAIM_KEY = 'key-of-the-test'

/** A load balancer of a test. */
export interface TestBalancer {
  readonly id: string
  readonly service: Service
  page(): Promise<string>
  drain(): Promise<void>
  /** Ends like SIGKILL: its connection closes, and it sends nothing more. */
  kill(): Promise<void>
}

/** Real NATS with the production permissions, Redis and Consul; nodes are played over the real bus. */
export async function startWorld() {
  const servers = await startSecuredServers({ log, beside: ['consul', 'redis'] })
  const { bus } = servers
  const store = await connectStore({ url: servers.redis.url, log })
  servers.closing(store)
  const registry = connectRegistry({ url: servers.consul.url, log })
  /** Answers every check of Consul. */
  const ready = await listen(createServer((_, response) => void response.end('ok')))
  const pointers = openPointers(bus)
  const gateway = await servers.connect('gateway')
  const nodes: TestNode[] = []
  const balancers: TestBalancer[] = []
  const hints: Balancer[] = []
  bus.on(CHANNELS.balancer, (hint) => void hints.push(hint))

  const clear = async (): Promise<void> => {
    for (const balancer of balancers.splice(0)) await balancer.kill()
    for (const node of nodes.splice(0)) {
      await node.remove()
      await store.dropStranded(await store.inflightOf(node.id))
    }
    const manager = await bus.nats.jetstreamManager()
    await manager.streams.purge(STREAMS.tasks)
    await manager.streams.purge(STREAMS.ops)
    hints.length = 0
  }

  return {
    bus,
    store,
    pointers,
    hints,
    clear,
    /** Starts a node that all later load balancers find in Consul and by its heartbeats. */
    async node(id: string, options: NodeOptions = {}): Promise<TestNode> {
      const own = await servers.connect('worker')
      const listed = await registry.register({
        id,
        name: 'agent-worker',
        host: '127.0.0.1',
        port: ready.port,
      })
      const node = startNode(id, own, () => listed.close(), options)
      nodes.push(node)
      return node
    },
    /** Starts a load balancer and waits until it sees this many nodes that may take work. */
    async balancer(id: string, sees: number, change: BalancerChange = {}): Promise<TestBalancer> {
      const own = await servers.connect('load-balancer')
      const metrics = createRegistry(id)
      const service = createLoadBalancer({
        bus: own,
        ops: openOps(own),
        store,
        registry: connectRegistry({ url: servers.consul.url, log }),
        adviser: change.adviser ?? adviserOf('off', undefined),
        clock: change.clock ?? systemClock,
        log,
        metrics: createMetrics(metrics),
        random: Math.random,
        timing: TIMING,
        balancerId: id,
        claimKey: CLAIM_KEY,
        allowances: change.allowances ?? new Map(),
      })
      await service.start()
      const balancer = playedBalancer(id, service, own, () => metrics.metrics())
      balancers.push(balancer)
      await eventually(async () => {
        const eligible = figureOf(await balancer.page(), 'nodes_eligible')
        if (eligible !== sees) throw new Error(`${id} sees ${eligible} nodes, not ${sees}`)
      })
      return balancer
    },
    /** Hands tasks over without a pointer, as a gateway does. */
    fresh(items: readonly { readonly priority: Level; readonly pointer: Pointer }[]) {
      gateway.send(CHANNELS.handover, { items: [...items] })
    },
    async issue(given: readonly Pointer[], queue: PointerQueue) {
      for (const pointer of given) await pointers.issueSurely(pointer, queue)
    },
    snapshot(states: Readonly<Record<string, Snapshot['nodes'][number]['state']>>) {
      const named = nodes.filter(({ id }) => states[id] !== undefined)
      const rest = { atMs: Date.now(), monitorId: 'monitor', queued: 0, running: 0 }
      const told = named.map((node) => ({
        ...node.heartbeat(),
        heartbeatAgeMs: 0,
        state: states[node.id] ?? 'alive',
      }))
      bus.send(CHANNELS.snapshot, { ...rest, nodes: told })
    },
    /** Returns the stored decisions, not the attempted ones. */
    decisions: async (): Promise<readonly Decision[]> =>
      (await openOps(bus).decisionsAfter('load-balancer', 0, 100)).records.map(
        ({ record }) => record,
      ),
    async [Symbol.asyncDispose]() {
      await clear()
      await ready.close()
      await servers[Symbol.asyncDispose]()
    },
  }
}

interface BalancerChange {
  readonly adviser?: Adviser
  readonly clock?: Clock
  readonly allowances?: Allowances
}

function playedBalancer(
  id: string,
  service: Service,
  bus: Bus,
  page: () => Promise<string>,
): TestBalancer {
  let over = false
  return {
    id,
    service,
    page,
    async drain() {
      over = true
      await service.drain(3_000)
    },
    async kill() {
      if (over) return
      over = true
      await bus.nats.close()
      // Stops the timers and watches of this process; nothing receives them any more.
      await service.drain(0)
    },
  }
}

/** A pointer of a new task with a small spec. */
export function pointerOf(change: Partial<Pointer> = {}): Pointer {
  const { cpu = 'low', memory = 'low' } = change
  const limits = { timeoutMs: 60_000, maxAttempts: 3 }
  const spec = { task: 'x', agent: 'a', model: 'm', cpu, memory, priority: 'medium', ...limits }
  return {
    taskId: newTaskId(Date.now()),
    tenant: 'acme',
    seq: 7,
    cpu,
    memory,
    deadlineAtMs: Date.now() + 60_000,
    reissue: false,
    spec: spec as NonNullable<Pointer['spec']>,
    ...change,
  }
}

/** A pointer with medium priority, as a gateway hands it over. */
export const medium = (pointer: Pointer) => ({ priority: 'medium', pointer }) as const

/** This many pointers with different ids. */
export function pointersOf(count: number, change: Partial<Pointer> = {}): Pointer[] {
  return Array.from({ length: count }, () => pointerOf(change))
}

/** A clock that can be advanced. */
export function clockAhead() {
  let ahead = 0
  return {
    nowMs: () => Date.now() + ahead,
    monotonicMs: () => performance.now() + ahead,
    advance: (ms: number) => void (ahead += ms),
  }
}

/** An adviser that asks the provider at this address. */
export function adviserOf(mode: AdviserMode, baseUrl: string | undefined): Adviser {
  return createAdviser({
    mode,
    apiKey: baseUrl === undefined ? undefined : 'key-of-the-test',
    baseUrl,
    model: 'model',
    prices: {},
    limits: {
      callsPerHour: 1_000,
      usdPerHour: 1_000,
      callsAtOnce: 64,
      timeoutMs: 5_000,
      outputTokensMax: 100,
    },
    clock: systemClock,
    log,
  })
}

/** Returns the value of a metric without labels. */
export function figureOf(page: string, name: string): number {
  const line = page
    .split('\n')
    .find((one) => one.startsWith(`fleet_${name}`) && !one.startsWith('#'))
  return Number(line?.slice(line.lastIndexOf(' ') + 1))
}
