import {
  connectCallerLimits,
  connectStore,
  connectUsageTotals,
  openTaskLog,
  type Bus,
  type TaskLog,
} from '@agentfleet/adapters'
import { createClient, type Client } from '@agentfleet/client'
import type { Completed, TaskEvent } from '@agentfleet/domain'
import { CHANNELS, SUBJECTS, type Pointer, type TaskView } from '@agentfleet/protocol'
import {
  createClosers,
  createLogger,
  createRegistry,
  loadConfig,
  systemClock,
  type Clock,
} from '@agentfleet/runtime'
import { eventually, startSecuredServers, type SecuredServers } from '@agentfleet/testkit'
import { build } from '../src/build.ts'
import { parseOperators, schema } from '../src/config.ts'
import { loadDocument } from '../src/http/openapi/document.ts'
import { createGateway, type Gateway } from '../src/service.ts'

/** Gateways do not change it; to parse it again for each of them would take a seventh of the time of these tests. */
const document = loadDocument()
/** A busy machine answers within this, milliseconds. */
const LISTENING_WITHIN_MS = 60_000

/** A gateway in this process on real servers, and a second connection that plays all other services. */
export interface GatewayBench extends AsyncDisposable {
  readonly servers: SecuredServers<'redis'>
  readonly gateway: Gateway
  /** Starts another gateway on the same servers, as after a restart. */
  another(): Promise<Gateway>
  /** Starts another gateway as its process does, on a machine with this clock. */
  onMachine(clock: Clock): Promise<Gateway>
  /** The metrics of the first gateway, as Prometheus reads them. */
  metrics(): Promise<string>
  readonly bus: Bus
  readonly taskLog: TaskLog
  client(apiKey?: string): Client
  /** Stores the next event of the task as a coordinator would; returns its sequence. */
  append(task: Pick<TaskView, 'id' | 'seq'>, event: TaskEvent): Promise<number>
  /** Completes the task as a coordinator would, on a node called n1. */
  complete(task: Pick<TaskView, 'id' | 'seq'>, result: Completed['result']): Promise<number>
}

/** Starts servers, and a gateway with these variables in addition to its defaults. */
export async function setup(
  variables: Record<string, string> = {},
  heard: { error(entry: object, message?: string): void } = { error: () => undefined },
): Promise<GatewayBench> {
  const log = createLogger({ service: 'gateway', id: 'gateway-test', level: 'silent' })
  log.error = heard.error
  const servers = await startSecuredServers({ log, beside: ['redis'] })
  const { bus } = servers
  const config = loadConfig(schema, {
    SERVICE_ID: 'gateway-test',
    NATS_URL: servers.nats.url,
    REDIS_URL: servers.redis.url,
    API_HOST: '127.0.0.1',
    API_PORT: '0',
    ...variables,
  })
  const own = await servers.connect('gateway')
  const store = await connectStore({ url: config.REDIS_URL, log })
  servers.closing(store)
  // What a coordinator says when Redis has all records.
  await store.markBuilt(0, -1)
  const usage = await connectUsageTotals({ url: config.REDIS_URL, log })
  servers.closing(usage)
  const callerLimits = await connectCallerLimits({ url: config.REDIS_URL, log })
  servers.closing(callerLimits)
  const gateways: Gateway[] = []
  const registry = createRegistry('gateway')
  const start = async () => {
    const made = await createGateway({
      bus: own,
      store,
      usage,
      callerLimits,
      config,
      document,
      operators: parseOperators(config.OPERATOR_TENANTS, config),
      clock: systemClock,
      log,
      registry: gateways.length === 0 ? registry : createRegistry('gateway'),
    })
    gateways.push(made)
    await made.start()
    return made
  }
  const onMachine: GatewayBench['onMachine'] = async (clock) => {
    const closers = createClosers(log, LISTENING_WITHIN_MS)
    servers.closing({ close: () => closers.closeAll() })
    const connected = { bus: own, store, usage, callerLimits, document }
    const context = { ...connected, config, clock, log, registry: createRegistry('g'), closers }
    const made = await build(context as unknown as Parameters<typeof build>[0])
    gateways.push(made)
    await made.start()
    return made
  }
  const gateway = await start()
  const taskLog = openTaskLog(bus)
  const append: GatewayBench['append'] = async ({ id, seq }, event) => {
    const options = { expectSeq: seq, messageId: `${id}.${seq}`, deadlineMs: 10_000 }
    const outcome = await taskLog.append(id, event, options)
    if (outcome.kind !== 'stored') throw new Error(`the event was not stored: ${outcome.kind}`)
    return outcome.seq
  }
  return {
    servers,
    gateway,
    another: start,
    onMachine,
    metrics: () => registry.metrics(),
    bus,
    taskLog,
    append,
    client: (apiKey) =>
      createClient({ baseUrl: gateway.url(), ...(apiKey === undefined ? {} : { apiKey }) }),
    async complete({ id, seq }, result) {
      const usage = { inputTokens: 3, outputTokens: 5, llmCalls: 1 }
      const event: Completed = {
        type: 'completed',
        atMs: Date.now(),
        attempt: 1,
        node: 'n1',
        result,
        usage,
      }
      return append({ id, seq }, event)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(gateways.map((each) => each.drain(1_000)))
      await servers[Symbol.asyncDispose]()
    },
  }
}

/**
 * Resolves when the server knows everything that this connection listens to. A busy machine may answer pings so late
 * that the connection is lost and made again; the server knows the subscriptions after that.
 */
export function listening(bus: Bus): Promise<void> {
  return eventually(async () => {
    if (!(await bus.roundTrip(LISTENING_WITHIN_MS))) throw new Error('the server does not answer')
  }, LISTENING_WITHIN_MS)
}

/**
 * Listens for the pointer of the next submitted task; with a text, of the next task with this text. The
 * function that it resolves to returns the pointer.
 */
export async function nextPointer(
  bus: Bus,
  task?: string,
): Promise<() => Promise<{ taskId: string; seq: number }>> {
  const next = new Promise<{ taskId: string; seq: number }>((resolve) => {
    const subscription = bus.subscribe(SUBJECTS.allPointers, (message) => {
      const pointer = JSON.parse(message.text()) as Pointer
      if (task !== undefined && pointer.spec?.task !== task) return
      subscription.close()
      resolve(pointer)
    })
  })
  await listening(bus)
  return () => next
}

/** Milliseconds; a coordinator announces about as often. */
const ANNOUNCE_EVERY_MS = 250

/** Says as a coordinator would how many gateways there are, until it is disposed. */
export function announceGateways(bus: Pick<Bus, 'send'>, gateways: number): Disposable {
  const fill = { bytes: 0, maxBytes: 0 }
  const said = { seq: 0, gateways, log: fill, redis: fill, tasks: 0, ended: 0, tenants: [] }
  const timer = setInterval(() => bus.send(CHANNELS.holdings, said), ANNOUNCE_EVERY_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
