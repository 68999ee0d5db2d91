import { askToDrain, connectRegistry, openOps, type Bus } from '@agentfleet/adapters'
import { SCALE_LIMITS, type ScaleLimits } from '@agentfleet/domain'
import {
  SUBJECTS,
  STREAMS,
  type Decision,
  type DecisionOutcome,
  type Snapshot,
  CHANNELS,
} from '@agentfleet/protocol'
import { followFleet } from '@agentfleet/control-plane'
import { openOrchestrator, orchestratorEnv, type OrchestratorDeps } from '@agentfleet/orchestrator'
import {
  createLogger,
  createRegistry,
  loadConfig,
  systemClock,
  type Clock,
  type Env,
} from '@agentfleet/runtime'
import { listen, nodeOf, startSecuredServers } from '@agentfleet/testkit'
import { createServer } from 'node:http'
import { z } from 'zod'
import type { Advising } from '../src/deciding/advice.ts'
import { createMetrics } from '../src/metrics.ts'
import { createAutoscaler, type AutoscalerDeps } from '../src/service.ts'

const log = createLogger({ service: 'test', id: 'test', level: 'silent' })
const TOKEN = 'token-of-the-test'

/** Windows of seconds instead of minutes. */
export const LIMITS: ScaleLimits = {
  ...SCALE_LIMITS,
  startupMs: 300,
  stableMs: 2_000,
  panicMs: 500,
  scaleOutWithinMs: 500,
  scaleInWindowMs: 300,
  scaleInServices: 0,
  scaleInEveryMs: 100,
  cooldownMs: 300,
}

/** Opens the driver that these variables name. */
export const orchestratorOf = (env: Env, deps: Partial<OrchestratorDeps> = {}) =>
  openOrchestrator(loadConfig(z.object(orchestratorEnv), env), {
    latest: () => undefined,
    drain: async () => false,
    clock: systemClock,
    log,
    random: Math.random,
    ...deps,
  })

/** An adviser that gives no advice. */
const UNADVISED: Advising = {
  consider: () => undefined,
  current: () => ({ applied: undefined, record: undefined }),
}

/** A busy machine answers within this, milliseconds. */
const SUBSCRIBED_WITHIN_MS = 20_000

/**
 * Real NATS with the production permissions, Consul, and a control API whose processes are nodes on the bus.
 */
export async function startWorld() {
  const servers = await startSecuredServers({ log, beside: ['consul'] })
  const { bus, consul } = servers
  const pool = await startPool(await servers.connect('worker'))
  servers.closing(pool)
  const decisions: Decision[] = []
  const outcomes: DecisionOutcome[] = []
  bus.subscribe(SUBJECTS.opsDecision('autoscaler'), (message) => {
    decisions.push(JSON.parse(message.text()) as Decision)
  })
  bus.subscribe(SUBJECTS.opsOutcome('autoscaler'), (message) => {
    outcomes.push(JSON.parse(message.text()) as DecisionOutcome)
  })
  await bus.roundTrip(SUBSCRIBED_WITHIN_MS)
  let load: Partial<Snapshot> = {}
  let telling: NodeJS.Timeout | undefined

  return {
    pool,
    consul,
    nats: servers.nats,
    token: TOKEN,
    ops: openOps(bus),
    decisions,
    outcomes,
    registry: () => connectRegistry({ url: consul.url, log }),
    /** Publishes this load from now on, as a health monitor does. */
    tell(next: Partial<Snapshot>) {
      load = next
      telling ??= setInterval(() => {
        const atMs = Date.now()
        const figures = { queued: 0, running: 0, backlogAtMs: atMs, ...load }
        const snapshot = { atMs, monitorId: 'monitor', nodes: pool.heartbeats(), ...figures }
        bus.send(CHANNELS.snapshot, snapshot)
      }, 50)
    },
    hush() {
      clearInterval(telling)
      telling = undefined
    },
    async autoscaler(
      leading: () => boolean,
      change: Partial<Omit<AutoscalerDeps, 'leadership'>> = {},
    ) {
      const own = await servers.connect('autoscaler')
      const clock: Clock = change.clock ?? systemClock
      const service = createAutoscaler({
        ops: openOps(own),
        orchestrator: await orchestratorOf(
          { DRIVER: 'local', ORCHESTRATOR_URL: pool.url, ORCHESTRATOR_TOKEN: TOKEN },
          { drain: (nodeId) => askToDrain(own, nodeId) },
        ),
        leadership: { leading },
        fleetView: followFleet(own, systemClock),
        clock,
        log,
        metrics: createMetrics(createRegistry('autoscaler')),
        instanceId: 'autoscaler-test',
        intervalMs: 100,
        limits: LIMITS,
        advising: UNADVISED,
        ...change,
      })
      await service.start()
      return service
    },
    async forget() {
      await bus.nats.jetstreamManager().then((manager) => manager.streams.purge(STREAMS.ops))
      decisions.length = 0
      outcomes.length = 0
    },
    async [Symbol.asyncDispose]() {
      clearInterval(telling)
      await servers[Symbol.asyncDispose]()
    },
  }
}

interface Process {
  readonly id: string
  readonly startedAtMs: number
  active: number
  draining: boolean
  /** A leaving process no longer counts, because its end is expected. */
  leaving: boolean
  llmCalls: number
  throttled: number
}

/** The control API of an orchestrator; its processes exist only by name. */
async function startPool(bus: Bus) {
  const processes = new Map<string, Process>()
  const counts: number[] = []
  let started = 0
  let lists = 0
  let refusing = false
  const start = (): void => {
    started += 1
    const id = `worker-${started}`
    processes.set(id, {
      id,
      startedAtMs: started,
      active: 0,
      draining: false,
      leaving: false,
      llmCalls: 0,
      throttled: 0,
    })
    const drain = () => {
      const process = processes.get(id)
      if (process !== undefined) process.draining = true
      return {}
    }
    bus.on(CHANNELS.drain, drain, { where: { nodeId: id } })
  }
  const setCount = (count: number): void => {
    counts.push(count)
    while ([...processes.values()].filter((one) => !one.leaving).length < count) start()
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      if (request.headers.authorization !== `Bearer ${TOKEN}`) return response.writeHead(401).end()
      if (refusing) return response.writeHead(500).end()
      lists += request.method === 'GET' ? 1 : 0
      const left = processes.get(/^\/workers\/(.+)\/leave$/.exec(request.url ?? '')?.[1] ?? '')
      if (left !== undefined) left.leaving = true
      else if (request.method === 'POST') setCount((JSON.parse(body) as { count: number }).count)
      const workers = [...processes.values()].map((one) => ({
        ...one,
        pid: 1,
        state: one.leaving ? 'draining' : 'running',
      }))
      return response.end(JSON.stringify({ workers }))
    })
  })
  const { url, close } = await listen(server)
  return {
    url,
    processes,
    counts,
    reset(count: number) {
      processes.clear()
      setCount(count)
      counts.length = 0
    },
    /** The number of list requests: ticks of autoscalers. */
    lists: () => lists,
    refuse: (now: boolean) => void (refusing = now),
    draining: () => [...processes.values()].filter((one) => one.draining).map(({ id }) => id),
    exit: (id: string) => void processes.delete(id),
    heartbeats: (): Snapshot['nodes'] =>
      [...processes.values()].map(({ id, ...one }) => nodeOf(id, { slots: 100, ...one })),
    close,
  }
}
