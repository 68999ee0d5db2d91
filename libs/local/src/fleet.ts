import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { given } from '@agentfleet/domain'
import { SERVICES, type FleetView, type ServiceName } from '@agentfleet/protocol'
import type { Binaries } from './binaries.ts'
import { serveControl } from './control.ts'
import { keepFleetFile, type RunningFleet } from './fleet-file.ts'
import type { Member } from './member.ts'
import { createPool } from './pool.ts'
import { createProcesses, type ProcessOptions, type ProcessStart } from './processes.ts'
import { bundlePrograms, mainOf } from './programs.ts'
import {
  drawCredentials,
  drawSecret,
  keepNodesSecret,
  type Credentials,
} from './start/credentials.ts'
import { defaultModelOf, nextOf, READY_WITHIN_MS, startSimulators } from './start/simulators.ts'
import { chooseProvider, type ProviderChoice } from './start/provider-choice.ts'
import { firstKeyOf, SIMULATED, type StartEnv } from './start/environment.ts'
import { createStartWatch, StartFailure } from './start/start-watch.ts'
import { startConsul } from './servers/consul.ts'
import { startNats } from './servers/nats.ts'
import { drawPorts, LOOPBACK } from './servers/ports.ts'
import { startRedis } from './servers/redis.ts'
import { supervise } from './servers/supervise.ts'

/**
 * The whole fleet on one machine: three servers, seven services as separate processes, and the LLM simulator
 * when no key is given. A process that dies is started again, a server with its data; `stop` ends all of them.
 */
export interface Fleet extends RunningFleet {
  /** Base URLs of all gateways; the first is `url`. */
  readonly urls: readonly string[]
  /** The first key of API_KEYS, or ADMIN_KEY; undefined: the API needs none. */
  readonly apiKey: string | undefined
  /** The provider of LLM calls. */
  readonly provider: ProviderChoice
  members(kind?: string): readonly Member[]
  /** Resolves when this many nodes are alive and accept work. */
  nodesReady(count: number, deadlineMs: number): Promise<void>
  stop(): Promise<void>
}

/** The parts of a fleet. */
export interface FleetOptions extends ProcessOptions {
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
  /** Simulator processes; when not given, one unless the environment names a provider. */
  readonly simulators?: number
  /** Factor of leases, backoff and repair intervals of every process, for tests; 1 when not given. */
  readonly timeScale?: number
  readonly durability?: 'process' | 'power'
  readonly signal?: AbortSignal
  /** Called when a step of the start begins, with the name of the part that the start waits for. */
  readonly onStep?: (step: string) => void
}

/**
 * Processes that start before the others: the coordinator creates the streams that all others use; the health
 * monitor uses none of them, and listens for a second before it speaks, while the others start.
 */
const EARLY = ['coordinator-1', 'health-monitor-1']

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

interface Start extends ProcessStart {
  readonly stops: (() => Promise<void>)[]
  readonly stopAll: () => Promise<void>
}

async function assemble(options: FleetOptions, start: Start): Promise<Fleet> {
  const { stops, stopAll, watch } = start
  const { dir, replicas = {}, workers = 2, restart = true } = options
  const credentials = drawCredentials(await keepNodesSecret(dir))
  await bundlePrograms()
  options.onStep?.('NATS, Redis and Consul')
  const { nats, redis, consul } = await startServers(options, credentials, stops)

  const processes = createProcesses(options, start, () => pool.short())
  const provider = chooseProvider(process.env)
  const simulation = await startSimulators(options, provider, processes.run, stops)
  const simulators = simulation.urls
  const token = drawSecret()
  const apiPorts = await drawPorts(replicas.gateway ?? 1, true)
  if (options.apiPort !== undefined) apiPorts[0] = options.apiPort
  const pool = createPool({ start: (id) => startService('worker', id), restart })
  const control = await serveControl(pool, token)
  stops.push(() => control.close())
  stops.push(async () => {
    pool.close()
    await processes.stopServices()
  })
  const base: StartEnv = {
    NATS_URL: nats.url,
    CONSUL_URL: consul.url,
    CLAIM_KEY: drawSecret(),
    ORCHESTRATOR_TOKEN: token,
    ORCHESTRATOR_URL: control.url,
    // The autoscaler acts through the control server of this process.
    DRIVER: 'local',
    TIME_SCALE: String(options.timeScale ?? 1),
    ...(simulators.length === 0 ? defaultModelOf(provider) : SIMULATED),
  }
  const startService = (service: ServiceName, id: string): Promise<Member> =>
    processes.run(service, id, mainOf(`services/${service}`), {
      ...base,
      ...({ SERVICE_ID: id } satisfies StartEnv),
      ...(service === 'gateway' ? { API_PORT: String(apiPorts[numberOf(id) - 1]) } : {}),
      ...credentials.envOf(service, id, redis.url),
      ...(simulators.length === 0 ? {} : { OPENAI_BASE_URL: nextOf(simulators, numberOf(id)) }),
      ...options.env?.all,
      ...options.env?.[service],
    })
  // Only from here on everything that was started is also stopped; the servers end their own start.
  watch.stopBy(options.signal)

  options.onStep?.('the services and the worker nodes')
  await startServices(replicas, startService, () =>
    Promise.all([pool.setCount(workers), simulation.ready]),
  )

  const urls = apiPorts.map((port) => `http://${LOOPBACK}:${port}`)
  const [url = ''] = urls
  const apiKey = firstKeyOf({ ...process.env, ...options.env?.all, ...options.env?.gateway })
  const fleet: Fleet = {
    dir,
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
    members: processes.members,
    nodesReady: (count, deadlineMs) => nodesReady(url, apiKey, count, deadlineMs),
    stop: stopAll,
  }
  // Marked as stopped at the very end, when no process runs any more.
  stops.unshift(await keepFleetFile(fleet))
  options.onStep?.(`${workers === 1 ? 'one worker node' : `${workers} worker nodes`} to take tasks`)
  await fleet.nodesReady(workers, READY_WITHIN_MS)
  return fleet
}

/** Starts the services in their order, and the rest together with the later ones. */
async function startServices(
  replicas: Partial<Record<ServiceName, number>>,
  startService: (service: ServiceName, id: string) => Promise<Member>,
  startRest: () => Promise<unknown>,
): Promise<void> {
  const all = SERVICES.filter((service) => service !== 'worker').flatMap((service) =>
    Array.from({ length: replicas[service] ?? 1 }, (_, i) => `${service}-${i + 1}`),
  )
  const startAll = async (ids: readonly string[]): Promise<void> => {
    const serviceOf = (id: string) => id.slice(0, id.lastIndexOf('-')) as ServiceName
    const started = await Promise.all(ids.map((id) => startService(serviceOf(id), id)))
    await Promise.all(started.map((member) => member.ready(READY_WITHIN_MS)))
  }
  const early = all.filter((id) => EARLY.includes(id))
  await startAll(early)
  await Promise.all([startAll(all.filter((id) => !early.includes(id))), startRest()])
}

/** Starts the servers, and keeps them running until they are stopped. */
async function startServers(
  options: FleetOptions,
  { natsUsers: users, natsIssuer: issuer, redisUsers, operator }: Credentials,
  stops: Start['stops'],
) {
  const { dir, binaries, signal, natsPort: port, durability = 'process', restart = true } = options
  const common = { binaries, ...given({ signal }) }
  const config = { durability, users, issuer }
  const [nats, redis, consul] = await Promise.all([
    startNats({ ...common, dir: join(dir, 'nats'), config, ...given({ port }) }),
    startRedis({
      ...common,
      dir: join(dir, 'redis'),
      password: operator.password,
      users: redisUsers,
    }),
    startConsul({ ...common, dir: join(dir, 'consul') }),
  ])
  stops.push(
    () => consul.stop(),
    () => redis.stop(),
    () => nats.stop(),
  )
  if (restart) {
    const { onExit, hungAfterMs } = options
    for (const server of [nats, redis, consul]) {
      const supervision = supervise(
        server,
        (name, reason, pauseMs) => onExit?.(name, reason, true, pauseMs),
        hungAfterMs,
      )
      stops.push(async () => supervision.close())
    }
  }
  return { nats, redis, consul }
}

/** The number at the end of an id such as `gateway-2`. */
function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1))
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
    const { nodes } = (await answer.json()) as FleetView
    alive = nodes.filter((node) => node.state === 'alive').length
  }
}

function tooFew(alive: number, count: number, deadlineMs: number): string {
  const seconds = Math.round(deadlineMs / 1_000)
  if (alive < 0) return `GET /v1/fleet did not answer with 200 within ${seconds} s`
  return `only ${alive} of ${count} worker nodes are alive after ${seconds} s; the logs of the other nodes say why`
}
