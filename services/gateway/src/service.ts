import {
  openAgents,
  openOps,
  openPointers,
  openSchedules,
  openTaskLog,
  type Bus,
  type CallerLimits,
  type Store,
  type UsageTotals,
} from '@agentfleet/adapters'
import { createAnswerChecks } from '@agentfleet/answer-schema'
import { readPage } from '@agentfleet/console'
import {
  CHANNELS,
  readTenantBudgets,
  readTenantLimits,
  readTenantTools,
  STREAMS,
} from '@agentfleet/protocol'
import {
  every,
  settleWithin,
  type Clock,
  type Logger,
  type Readiness,
  type Registry,
  type Service,
} from '@agentfleet/runtime'
import { createAdmission, SUBMISSIONS_MAX_BYTES } from './tasks/admission.ts'
import { createDefinitionChecks } from './agents/checks.ts'
import { createAgentChoice } from './agents/choice.ts'
import { followAgents } from './agents/directory.ts'
import { createAllowPages, createCheckCaller } from './http/hosts.ts'
import { apiHost, DEFAULT_TENANT, isOpen, type GatewayConfig } from './config.ts'
import { followControlPlane } from './fleet/control-plane.ts'
import { createDeltaTaps } from './stream/deltas.ts'
import { loadDocument, type ApiDocument } from './http/document.ts'
import { createSubscriptions } from './stream/subscriptions.ts'
import { figuresRoutes } from './fleet/figures-routes.ts'
import { followFleet } from './fleet/fleet.ts'
import { followOffers } from './fleet/offers.ts'
import { createOwnFigures } from './fleet/own-figures.ts'
import { createHandover } from './tasks/handover.ts'
import { valueCheck } from './http/validation.ts'
import { closeApi, createApi } from './http/server.ts'
import { READERS_INTERVAL_MS } from './http/slow-readers.ts'
import { followLive } from './stream/live.ts'
import { createMetrics, type GatewayMetrics } from './metrics.ts'
import { createIsProxy } from './http/proxies.ts'
import { createPrincipals } from './principals/principals.ts'
import { createReader } from './tasks/reads.ts'
import { createReplays } from './tasks/replays.ts'
import { agentRoutes } from './agents/routes.ts'
import { approvalRoutes } from './tasks/approval-routes.ts'
import { limitsRoutes } from './fleet/limits-routes.ts'
import { createOwnHoldings } from './fleet/own-holdings.ts'
import { nodeRoutes } from './fleet/node-routes.ts'
import { controlRoutes } from './fleet/routes.ts'
import { goalRoutes } from './goals/routes.ts'
import { scheduleRoutes } from './schedules/routes.ts'
import { scheduleRunRoutes } from './schedules/run-routes.ts'
import { historyRoutes } from './lists/history-routes.ts'
import { callRoutes } from './lists/call-routes.ts'
import { cancelRoutes } from './lists/cancel-routes.ts'
import { listRoutes } from './lists/routes.ts'
import { replayRoutes } from './lists/replay-routes.ts'
import { wholeStore } from './lists/whole-store.ts'
import { serviceRoutes } from './http/probe-routes.ts'
import { streamRoute } from './stream/routes.ts'
import { textRoutes } from './stream/text-routes.ts'
import { taskRoutes } from './tasks/routes.ts'
import { toolRoutes } from './agents/tool-routes.ts'
import { usageRoutes } from './fleet/usage-routes.ts'
import { TICK_INTERVAL_MS, createStreams } from './stream/connections.ts'
import { NODES_INTERVAL_MS, createNodesSubscriptions } from './stream/nodes.ts'
import { STATS_INTERVAL_MS, createStatsSubscriptions } from './stream/stats.ts'
import { specOf } from './tasks/spec.ts'
import { createSubmitter } from './tasks/submit.ts'
import { teamOf } from './agents/team.ts'
import { createTenantSubscriptions } from './stream/tenant-subscriptions.ts'
import { createHeldRequests } from './tasks/held-requests.ts'
import { createTenantRoom } from './tenants/room.ts'
import { createWaiting } from './tasks/waiting-queues.ts'

/** The streams whose items the gateway reads; it does not start if it could misread them. */
export const STREAMS_READ: readonly string[] = [
  STREAMS.log,
  STREAMS.agents,
  STREAMS.schedules,
  STREAMS.keys,
  STREAMS.audit,
]

/** Milliseconds; each silent task is checked several times within HEAL_AFTER_MS. */
const SWEEP_INTERVAL_MS = 5_000

/**
 * Milliseconds. After this the gateway listens anyway and refuses requests with a key of the API or the name
 * of an agent.
 */
const DEFINITIONS_WITHIN_MS = 10_000

/** 20,000 unanswered appends are about 1 s of bus throughput; more would only wait longer. */
const SUBMISSIONS_MAX = 20_000
/** Milliseconds; coordinators count a gateway until they miss several announcements. */
const ANNOUNCE_EVERY_MS = 1_000
/** Milliseconds after which the outcome of an unanswered append is unknown. */
const APPEND_DEADLINE_MS = 5_000

interface GatewayDeps {
  readonly bus: Bus
  readonly store: Store
  readonly usage: UsageTotals
  readonly callerLimits: CallerLimits
  readonly config: GatewayConfig
  /** Tenants that see records of the whole fleet. */
  readonly operators: ReadonlySet<string>
  readonly clock: Clock
  readonly log: Logger
  readonly registry: Registry
  /** The parsed openapi.yaml; by default the gateway reads the file. */
  readonly document?: ApiDocument
  /** What the whole process says; by default only what the gateway itself knows. */
  readonly readiness?: () => Readiness
}

/** The gateway; it knows the address of its API once it has started. */
export interface Gateway extends Service {
  /** Returns the base URL of the API as `http://host:port`. */
  url(): string
}

/** Wires the gateway; it does not listen before `start`. */
export async function createGateway(deps: GatewayDeps): Promise<Gateway> {
  const { bus, config, clock, log, registry } = deps
  const metrics = createMetrics(registry)
  let draining = false
  const readiness = (): Readiness => {
    if (draining) return { ok: false, reason: 'draining' }
    if (!bus.connected()) return { ok: false, reason: 'the bus is not connected' }
    const { logFill } = parts.admission
    // A degraded gateway stays ready: all gateways share the servers, so if none were ready, clients could not
    // even read tasks.
    const degraded = [
      ...(logFill.full() || logFill.refuses() ? ['log-full'] : []),
      ...(parts.room.outdated() ? ['records-outdated'] : []),
    ]
    return degraded.length === 0 ? { ok: true } : { ok: true, degraded }
  }
  const parts = createParts(deps, metrics)
  const schedules = openSchedules(bus)
  const { streams, heldRequests, subscriptions, admission, fleet, principals } = parts
  const { app, slowReaders } = await createApi({
    document: parts.document,
    handlers: {
      ...approvalRoutes(parts),
      ...taskRoutes(parts),
      ...textRoutes(parts),
      ...listRoutes({ ...parts, nowMs: clock.nowMs }),
      ...cancelRoutes(parts),
      ...historyRoutes(parts),
      ...callRoutes(parts),
      ...replayRoutes(parts),
      ...agentRoutes(parts),
      ...toolRoutes(parts),
      ...goalRoutes({ ...parts, team: teamOf(parts.directory) }),
      ...scheduleRoutes({
        ...parts,
        schedules,
        specOf: async (tenant, request) => {
          const found = await parts.agentChoice.definitionFor(tenant, request)
          const spec = specOf(request, parts.defaultModel, found)
          parts.offers.check(tenant, spec)
          return spec
        },
        nowMs: clock.nowMs,
      }),
      ...scheduleRunRoutes({ ...parts, schedules, nowMs: clock.nowMs }),
      ...usageRoutes({
        usage: deps.usage,
        metadataKeys: config.USAGE_METADATA_KEYS,
        operators: deps.operators,
        nowMs: clock.nowMs,
      }),
      ...serviceRoutes({
        document: parts.document,
        fleet,
        ownFigures: createOwnFigures({ store: parts.store, usage: deps.usage, nowMs: clock.nowMs }),
        readiness: deps.readiness ?? readiness,
      }),
      ...figuresRoutes({ ...parts, operators: deps.operators }),
      ...limitsRoutes({
        ...parts,
        holdings: createOwnHoldings({ ...parts, schedules }),
        budgets: readTenantBudgets(config.TENANT_BUDGETS).value,
        usage: deps.usage,
        operators: deps.operators,
      }),
      ...nodeRoutes(parts),
      ...controlRoutes({
        recentDecisions: parts.controlPlane.recentDecisions,
        ops: openOps(bus),
        operators: deps.operators,
        reader: parts.reader,
      }),
      ...streamRoute({ streams, principals }),
      ...principals.routes(),
    },
    checkCaller: createCheckCaller({
      publicHosts: config.PUBLIC_HOSTS,
      allowedOrigins: config.ALLOWED_ORIGINS,
    }),
    allowPages: createAllowPages(config.ALLOWED_ORIGINS),
    isProxy: createIsProxy(config.TRUSTED_PROXIES),
    perAddress: config.CONNECTIONS_PER_ADDRESS,
    page: readPage(),
    publicPath: config.PUBLIC_PATH ?? '',
    guard: principals.guard,
    recorder: principals.recorder,
    metrics,
    monotonicMs: clock.monotonicMs,
    log,
  })
  const live = followLive({
    bus,
    sinks: [heldRequests, subscriptions, parts.tenantSubscriptions],
    log,
  })
  const loops = [
    admission.watch,
    every(ANNOUNCE_EVERY_MS, { clock, log, name: 'announce' }, async () => {
      bus.send(CHANNELS.gateway, { id: config.SERVICE_ID, tenants: parts.tenants() })
    }),
    ...principals.loops,
    every(SWEEP_INTERVAL_MS, { clock, log, name: 'stream-sweep' }, () => subscriptions.sweep()),
    every(STATS_INTERVAL_MS, { clock, log, name: 'stream-stats' }, () => parts.stats.round()),
    every(NODES_INTERVAL_MS, { clock, log, name: 'stream-nodes' }, async () => parts.nodes.round()),
    every(TICK_INTERVAL_MS, { clock, log, name: 'stream-tick' }, async () => streams.tick()),
    every(READERS_INTERVAL_MS, { clock, log, name: 'slow-readers' }, async () => {
      metrics.closes.inc({ reason: 'reads nothing' }, slowReaders.sweep())
    }),
  ]
  const port = () => {
    const address = app.addresses()[0]
    return typeof address === 'object' ? address.port : config.API_PORT
  }

  return {
    ready: readiness,
    url: () => `http://${apiHost(config)}:${port()}`,
    async start() {
      await Promise.all(loops.map((loop) => loop.start()))
      if (app.server.listening) return
      const read = [parts.directory.caughtUp(), principals.directory.caughtUp()]
      await settleWithin(Promise.all(read), DEFINITIONS_WITHIN_MS)
      await app.listen({ host: apiHost(config), port: config.API_PORT })
      log.info({ host: apiHost(config), port: port() }, 'The API listens for requests')
    },
    async drain(deadlineMs) {
      draining = true
      heldRequests.releaseAll()
      streams.closeAll()
      await Promise.all([closeApi(app, deadlineMs), ...loops.map((loop) => loop.drain(deadlineMs))])
      live.close()
      parts.room.close()
      parts.handover.close()
      fleet.close()
      parts.offers.close()
      await parts.controlPlane.close()
      await principals.recorder.flush()
      await Promise.all([parts.directory.close(), principals.directory.close()])
    },
    address: ({ host }) => ({ host, port: port() }),
  }
}

function createParts(deps: GatewayDeps, metrics: GatewayMetrics) {
  const { bus, config, clock, log, document = loadDocument() } = deps
  const store = wholeStore(deps.store)
  const taskLog = openTaskLog(bus)
  const handover = createHandover({
    bus,
    pointers: openPointers(bus),
    monotonicMs: clock.monotonicMs,
  })
  const principals = createPrincipals({ ...deps, metrics, room: () => room })
  const { tenants } = principals
  const reader = createReader({ bus, log: taskLog, store, metrics })
  const heldRequests = createHeldRequests(tenants)
  const limits = readTenantLimits(config.TENANT_LIMITS).value
  const room = createTenantRoom({
    bus,
    id: config.SERVICE_ID,
    limits,
    tenants,
    submissionsMax: SUBMISSIONS_MAX,
    monotonicMs: clock.monotonicMs,
    submissionsMaxBytes: SUBMISSIONS_MAX_BYTES,
  })
  const admission = createAdmission({
    taskLog,
    room,
    submissionsMax: SUBMISSIONS_MAX,
    clock,
    log,
    metrics,
  })
  const deltas = createDeltaTaps(bus)
  const subscriptions = createSubscriptions({ taskLog, deltas, clock, log })
  const onlyTenant = isOpen(config) ? DEFAULT_TENANT : undefined
  const tenantSubscriptions = createTenantSubscriptions({ reader, onlyTenant, log })
  const agents = openAgents(bus)
  const directory = followAgents(agents, log)
  const submitter = createSubmitter({
    bus,
    taskLog,
    handover,
    reader,
    admission,
    clock,
    metrics,
    appendDeadlineMs: APPEND_DEADLINE_MS,
  })
  const checks = createDefinitionChecks(createAnswerChecks())
  const controlPlane = followControlPlane({ bus, operators: deps.operators, log })
  const fleet = followFleet({ bus, clock })
  const stats = createStatsSubscriptions({ store, fleet, nowMs: clock.nowMs })
  const nodes = createNodesSubscriptions(fleet)
  const streams = createStreams({
    stats,
    nodes,
    subscriptions,
    tenantSubscriptions,
    fleetSubscriptions: controlPlane.subscriptions,
    limits,
    tenants,
    standing: principals.standing,
    clock,
    log,
    metrics,
  })
  metrics.observe({
    held: heldRequests.count,
    appends: admission.inFlight,
    streams: streams.count,
    watched: subscriptions.count,
    keys: principals.directory.count,
    deltas: deltas.count,
  })
  return {
    bus,
    store,
    tenants,
    limits,
    room,
    taskLog,
    handover,
    reader,
    heldRequests,
    admission,
    subscriptions,
    tenantSubscriptions,
    controlPlane,
    principals,
    streams,
    document,
    checkTask: valueCheck(document, 'TaskRequest'),
    offers: followOffers({ bus, clock, rules: readTenantTools(config.TENANT_TOOLS).value }),
    fleet,
    stats,
    nodes,
    defaultModel: config.DEFAULT_MODEL,
    clock,
    agents,
    directory,
    checks,
    agentChoice: createAgentChoice({ directory, agents, checks }),
    submitter,
    replays: createReplays({ submitter, taskLog }),
    waiting: createWaiting({
      heldRequests,
      reader,
      limits,
      tenants,
      clock,
    }),
  }
}
