import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { given } from '@agentfleet/domain'
import { SERVICES, type ServiceName } from '@agentfleet/protocol'
import type { Binaries } from './binaries.ts'
import { serveControl } from './control.ts'
import { keepFleetFile } from './fleet-file.ts'
import { startMember, type Member } from './member.ts'
import { createPool } from './pool.ts'
import {
  drawCredentials,
  drawSecret,
  keepNodesSecret,
  type Credentials,
} from './start/credentials.ts'
import { defaultModelOf, nextOf, startSimulators } from './start/simulators.ts'
import { chooseProvider, type ProviderChoice } from './start/provider-choice.ts'
import { firstKeyOf, SIMULATED, type StartEnv } from './start/environment.ts'
import {
  createStartWatch,
  endOf,
  lastWords,
  StartFailure,
  type StartWatch,
} from './start/start-watch.ts'
import type { Exit } from './servers/child.ts'
import { startConsul } from './servers/consul.ts'
import { startNats } from './servers/nats.ts'
import { drawPorts, LOOPBACK } from './servers/ports.ts'
import { startRedis } from './servers/redis.ts'
import type { RunningServer } from './servers/server.ts'
import { superviseAll } from './servers/supervise.ts'

/**
 * The whole fleet on one machine: three servers, seven services as separate processes, and the LLM simulator
 * when no key is given. A process that dies is started again, a server with its data; `stop` ends all of them.
 */
export interface Fleet {
  readonly dir: string
  /** Base URL of the public API. */
  readonly url: string
  /** Base URLs of all gateways; the first is `url`. */
  readonly urls: readonly string[]
  /** The first key of API_KEYS, or ADMIN_KEY; undefined: the API needs none. */
  readonly apiKey: string | undefined
  readonly nats: RunningServer
  readonly redis: RunningServer
  /** The address of Redis with the credentials of a user who may do everything. */
  readonly redisUrl: string
  readonly consul: RunningServer
  /** Base URLs of the LLM simulators; empty when a real provider is used. */
  readonly simulators: readonly string[]
  /** The provider of LLM calls. */
  readonly provider: ProviderChoice
  /** A NATS user without limits, for tools that read the log directly. */
  readonly operator: { readonly user: string; readonly password: string }
  members(kind?: string): readonly Member[]
  /** Resolves when this many nodes are alive and accept work. */
  nodesReady(count: number, deadlineMs: number): Promise<void>
  stop(): Promise<void>
}

/** The parts of a fleet. */
export interface FleetOptions {
  readonly dir: string
  readonly binaries: Binaries
  /** Worker nodes at the start. */
  readonly workers?: number
  readonly apiPort?: number | undefined
  /** Port of the NATS server; a free one by default. */
  readonly natsPort?: number
  /** Number of processes of a service, if not one; `workers` sets the number of workers. */
  readonly replicas?: Partial<Record<ServiceName, number>>
  /** Additional environment of processes, by service or for `all`. */
  readonly env?: Partial<
    Record<ServiceName | 'all' | 'simulator', Readonly<Record<string, string>>>
  >
  readonly nodeArgs?: Partial<Record<ServiceName, readonly string[]>>
  /** Simulator processes; when not given, one unless the environment names a provider. */
  readonly simulators?: number
  /** Factor of leases, backoff and repair intervals of every process, for tests; 1 when not given. */
  readonly timeScale?: number
  readonly durability?: 'process' | 'power'
  readonly restart?: boolean
  /** A server that has not answered for this long is killed and started again, milliseconds. */
  readonly hungAfterMs?: number
  readonly signal?: AbortSignal
  /** Called when a step of the start begins, with the name of the part that the start waits for. */
  readonly onStep?: (step: string) => void
  /**
   * Called for every process that ended without being asked, with its last output, whether another
   * process follows, and how soon.
   */
  readonly onExit?: (id: string, reason: string, followed: boolean, pauseMs?: number) => void
}

/** A cold start on two busy cores takes seconds; this is for the slowest disk, milliseconds. */
const READY_WITHIN_MS = 60_000
/** The last output of an ended process is cut to this, since it is shown in one line. */
const SAID_CHARS_MAX = 200
/**
 * Processes that start before the others: the coordinator creates the streams that all others use; the health
 * monitor uses none of them, and listens for a second before it speaks, while the others start.
 */
const EARLY = ['coordinator-1', 'health-monitor-1']
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * Objects of a request live as long as the request: with the default of 16 MB a collection finds most of them
 * alive and copies them. A larger space costs memory under load, makes single pauses longer and saves up to a
 * tenth of the processor time.
 *
 * V8 puts what survived its first, small collections into the old space from then on. There the objects of an
 * ended request keep young ones alive until the next full collection: without it, a gateway copies a seventh as much.
 */
const NO_PRETENURING = '--no-allocation-site-pretenuring'
const MEMORY_OPTIONS: Partial<Record<ServiceName, readonly string[]>> = {
  gateway: ['--max-semi-space-size=64', NO_PRETENURING],
  coordinator: ['--max-semi-space-size=64', NO_PRETENURING],
  'load-balancer': ['--max-semi-space-size=32', NO_PRETENURING],
  worker: ['--max-semi-space-size=32'],
}

/** Starts everything and resolves when the API accepts tasks and the workers accept work. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const logDir = join(options.dir, 'logs')
  await mkdir(logDir, { recursive: true, mode: 0o700 })
  const watch = createStartWatch()
  const stops: (() => Promise<void>)[] = []
  let over = false
  const stopAll = async (): Promise<void> => {
    over = true
    for (const stop of stops.splice(0).reverse()) await stop().catch(() => undefined)
  }
  try {
    return await watch.during(
      assemble(options, { logDir, stops, stopAll, watch, isOver: () => over }),
    )
  } catch (error) {
    await stopAll()
    throw error
  }
}

async function assemble(
  options: FleetOptions,
  start: {
    readonly logDir: string
    readonly stops: (() => Promise<void>)[]
    readonly stopAll: () => Promise<void>
    readonly watch: StartWatch
    readonly isOver: () => boolean
  },
): Promise<Fleet> {
  const { logDir, stops, stopAll, watch, isOver } = start
  const credentials = drawCredentials(await keepNodesSecret(options.dir))
  options.onStep?.('NATS, Redis and Consul')
  const [nats, redis, consul] = await startServers(options, credentials)
  stops.push(
    () => consul.stop(),
    () => redis.stop(),
    () => nats.stop(),
  )
  if (options.restart ?? true) {
    const servers = superviseAll([nats, redis, consul], options)
    stops.push(async () => servers.close())
  }

  const members: Member[] = []
  const run = async (
    kind: string,
    id: string,
    script: string,
    env: Record<string, string>,
    restart = options.restart ?? true,
  ): Promise<Member> => {
    const nodeArgs = [
      ...(MEMORY_OPTIONS[kind as ServiceName] ?? []),
      ...(options.nodeArgs?.[kind as ServiceName] ?? []),
    ]
    const member = await startMember({
      id,
      kind,
      script: join(ROOT, script),
      env,
      logDir,
      restart,
      nodeArgs,
      // The simulators stand for the provider: their faults are not the fleet's.
      hungAfterMs: kind === 'simulator' || options.restart === false ? 0 : options.hungAfterMs,
      onExit: (exit, asked, pauseMs, hung) => {
        if (asked) return
        const reason = hung ?? reasonOf(exit)
        if (kind === 'worker') options.onExit?.(id, reason, pool.short())
        else options.onExit?.(id, reason, restart, pauseMs)
        watch.ended(kind === 'worker' ? 'the worker' : id, exit, join(logDir, `${id}.log`))
      },
    })
    members.push(member)
    // The start was abandoned meanwhile, before this process was among those to be stopped.
    if (isOver()) await member.stop()
    return member
  }

  const provider = chooseProvider(process.env)
  const simulation = await startSimulators(options, provider, run, stops)
  const simulators = simulation.urls
  const token = drawSecret()
  const apiPorts = await drawPorts(options.replicas?.gateway ?? 1, true)
  if (options.apiPort !== undefined) apiPorts[0] = options.apiPort
  const base: StartEnv = {
    NATS_URL: nats.url,
    CONSUL_URL: consul.url,
    CLAIM_KEY: drawSecret(),
    ORCHESTRATOR_TOKEN: token,
    // The autoscaler acts through the control server of this process.
    DRIVER: 'local',
    TIME_SCALE: String(options.timeScale ?? 1),
    ...(simulators.length === 0 ? defaultModelOf(provider) : SIMULATED),
  }
  let orchestratorUrl = ''
  const startService = (service: ServiceName, id: string): Promise<Member> =>
    run(
      service,
      id,
      `services/${service}/dist/main.js`,
      {
        ...base,
        ...({ ORCHESTRATOR_URL: orchestratorUrl, SERVICE_ID: id } satisfies StartEnv),
        ...(service === 'gateway' ? { API_PORT: String(apiPorts[numberOf(id) - 1]) } : {}),
        ...credentials.envOf(service, id, redis.url),
        ...(simulators.length === 0 ? {} : { OPENAI_BASE_URL: nextOf(simulators, id) }),
        ...options.env?.all,
        ...options.env?.[service],
      },
      // A killed worker returns under another name, so that its old tasks are not mixed up with new tasks.
      service === 'worker' ? false : undefined,
    )

  const pool = createPool({
    start: (id) => startService('worker', id),
    restart: options.restart ?? true,
  })
  const control = await serveControl(pool, token)
  stops.push(() => control.close())
  orchestratorUrl = control.url
  stops.push(async () => {
    pool.close()
    await Promise.all(
      members.filter(({ kind }) => kind !== 'simulator').map((member) => member.stop()),
    )
  })
  // Only from here on everything that was started is also stopped; the servers end their own start.
  watch.stopBy(options.signal)

  const all = SERVICES.filter((service) => service !== 'worker').flatMap((service) =>
    Array.from({ length: options.replicas?.[service] ?? 1 }, (_, i) => `${service}-${i + 1}`),
  )
  const startAll = async (ids: readonly string[]): Promise<void> => {
    const serviceOf = (id: string) => id.slice(0, id.lastIndexOf('-')) as ServiceName
    const started = await Promise.all(ids.map((id) => startService(serviceOf(id), id)))
    await Promise.all(started.map((member) => member.ready(READY_WITHIN_MS)))
  }
  options.onStep?.('the services and the worker nodes')
  const early = all.filter((id) => EARLY.includes(id))
  await startAll(early)
  const workers = options.workers ?? 2
  await Promise.all([
    startAll(all.filter((id) => !early.includes(id))),
    pool.setCount(workers),
    simulation.ready,
  ])

  const urls = apiPorts.map((port) => `http://${LOOPBACK}:${port}`)
  const [url = ''] = urls
  const { gateway, all: shared } = options.env ?? {}
  const apiKey = firstKeyOf({ ...process.env, ...shared, ...gateway })
  const fleet: Fleet = {
    dir: options.dir,
    url,
    urls,
    apiKey,
    nats,
    redis,
    redisUrl: credentials.operatorRedisUrl(redis.url),
    consul,
    simulators,
    provider: simulators.length === 0 ? provider : { kind: 'simulated' },
    operator: credentials.operator,
    members: (kind) =>
      members.filter((m) => !m.stopped() && (kind === undefined || m.kind === kind)),
    nodesReady: (count, deadlineMs) => nodesReady(url, apiKey, count, deadlineMs),
    stop: stopAll,
  }
  // Marked as stopped at the very end, when no process runs any more.
  stops.unshift(await keepFleetFile(fleet))
  options.onStep?.(`${workers === 1 ? 'one worker node' : `${workers} worker nodes`} to take tasks`)
  await fleet.nodesReady(workers, READY_WITHIN_MS)
  return fleet
}

function startServers(
  { dir, binaries, signal, natsPort: port, durability = 'process' }: FleetOptions,
  { natsUsers: users, natsIssuer: issuer, redisUsers, operator }: Credentials,
): Promise<readonly [nats: RunningServer, redis: RunningServer, consul: RunningServer]> {
  const common = { binaries, ...given({ signal }) }
  const config = { durability, users, issuer }
  return Promise.all([
    startNats({ ...common, dir: join(dir, 'nats'), config, ...given({ port }) }),
    startRedis({
      ...common,
      dir: join(dir, 'redis'),
      password: operator.password,
      users: redisUsers,
    }),
    // Its contents are registrations and locks, which the services make again; without a memory it needs
    // no election, which takes 1.5 s.
    startConsul({ ...common, dir: join(dir, 'consul'), persistent: false }),
  ])
}

/** The number at the end of an id such as `gateway-2`. */
function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1))
}

function reasonOf(exit: Exit): string {
  // A process that is killed cannot write why: its last error is about something else.
  if (exit.signal === 'SIGKILL') return endOf(exit)
  const [said] = lastWords(exit.logTail).slice(-1)
  return said === undefined ? endOf(exit) : `${endOf(exit)}: ${said.slice(0, SAID_CHARS_MAX)}`
}

interface FleetAnswer {
  readonly nodes: readonly { readonly state: string }[]
}

async function nodesReady(
  url: string,
  apiKey: string | undefined,
  count: number,
  deadlineMs: number,
): Promise<void> {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }
  const deadline = performance.now() + deadlineMs
  let alive = -1
  while (alive < count) {
    if (performance.now() > deadline) throw new StartFailure(tooFew(alive, count, deadlineMs))
    await delay(50)
    const signal = AbortSignal.timeout(2_000)
    const answer = await fetch(`${url}/v1/fleet`, { headers, signal }).catch(() => undefined)
    if (answer?.ok !== true) continue
    const { nodes } = (await answer.json()) as FleetAnswer
    alive = nodes.filter((node) => node.state === 'alive').length
  }
}

function tooFew(alive: number, count: number, deadlineMs: number): string {
  const seconds = Math.round(deadlineMs / 1_000)
  if (alive < 0) return `GET /v1/fleet did not answer with 200 within ${seconds} s`
  return `only ${alive} of ${count} worker nodes are alive after ${seconds} s; the logs of the other nodes say why`
}
