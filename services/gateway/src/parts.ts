import {
  openAgents,
  openPointers,
  openTaskLog,
  type Bus,
  type CallerLimits,
  type Store,
  type UsageTotals,
} from '@agentfleet/adapters'
import { createAnswerChecks } from '@agentfleet/answer-schema'
import { readTenantLimits, readTenantTools } from '@agentfleet/protocol'
import type { Clock, Logger, Readiness, Registry } from '@agentfleet/runtime'
import { createAdmission, SUBMISSIONS_MAX_BYTES } from './tasks/admission.ts'
import { createDefinitionChecks } from './agents/checks.ts'
import { createAgentChoice } from './agents/choice.ts'
import { followAgents } from './agents/directory.ts'
import { DEFAULT_TENANT, isOpen, type GatewayConfig } from './config.ts'
import { followControlPlane } from './fleet/control-plane.ts'
import { createDeltaTaps } from './stream/deltas.ts'
import { loadDocument, type ApiDocument } from './http/openapi/document.ts'
import { createSubscriptions } from './stream/subscriptions.ts'
import { followFleet } from './fleet/fleet.ts'
import { followOffers } from './fleet/offers.ts'
import { createHandover } from './tasks/handover.ts'
import { valueCheck } from './http/validation.ts'
import type { GatewayMetrics } from './metrics.ts'
import { createPrincipals, type Principals } from './principals/principals.ts'
import { createReader } from './tasks/reads.ts'
import { createReplays } from './tasks/replays.ts'
import { wholeStore } from './lists/whole-store.ts'
import { createStreams } from './stream/connections.ts'
import { createNodesSubscriptions } from './stream/nodes.ts'
import { createStatsSubscriptions } from './stream/stats.ts'
import { createSubmitter } from './tasks/submit.ts'
import { createTenantSubscriptions } from './stream/tenant-subscriptions.ts'
import { createHeldRequests } from './tasks/held-requests.ts'
import { createTenantRoom } from './tenants/room.ts'
import { createReadTurns } from './tenants/turns.ts'
import { createWaiting } from './tasks/waiting-queues.ts'

/** 20,000 unanswered appends are about 1 s of bus throughput; more would only wait longer. */
const SUBMISSIONS_MAX = 20_000
/** Milliseconds after which the outcome of an unanswered append is unknown. */
const APPEND_DEADLINE_MS = 5_000

/** What a gateway needs. */
export interface GatewayDeps {
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

/** The parts of a gateway that the handlers of its operations use. */
export type GatewayParts = ReturnType<typeof createParts>

/** Creates the parts; nothing listens yet. */
export function createParts(deps: GatewayDeps, metrics: GatewayMetrics) {
  const { bus, config, clock, log } = deps
  const { document = loadDocument() } = deps
  const principals = createPrincipals({ ...deps, metrics, room: () => tasks.room })
  const tasks = createTaskParts(deps, principals, metrics)
  const streaming = createStreaming(deps, tasks, principals, metrics)
  const agents = openAgents(bus)
  const directory = followAgents(agents, log)
  const checks = createDefinitionChecks(createAnswerChecks())
  metrics.observe({
    held: tasks.heldRequests.count,
    appends: tasks.admission.inFlight,
    streams: streaming.streams.count,
    watched: streaming.subscriptions.count,
    keys: principals.directory.count,
    deltas: streaming.deltas.count,
  })
  return {
    ...tasks,
    ...streaming,
    bus,
    tenants: principals.tenants,
    principals,
    document,
    checkTask: valueCheck(document, 'TaskRequest'),
    offers: followOffers({ bus, clock, rules: readTenantTools(config.TENANT_TOOLS).value }),
    defaultModel: config.DEFAULT_MODEL,
    clock,
    agents,
    directory,
    checks,
    agentChoice: createAgentChoice({ directory, agents, checks }),
  }
}

/** Creates what stores and reads tasks. */
function createTaskParts(deps: GatewayDeps, { tenants }: Principals, metrics: GatewayMetrics) {
  const { bus, config, clock, log } = deps
  const store = wholeStore(deps.store)
  const taskLog = openTaskLog(bus)
  const handover = createHandover({
    bus,
    pointers: openPointers(bus),
    monotonicMs: clock.monotonicMs,
  })
  const reader = createReader({
    bus,
    log: taskLog,
    store,
    metrics,
    turns: createReadTurns(),
  })
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
  const waiting = createWaiting({ heldRequests, reader, limits, tenants, clock })
  const replays = createReplays({ submitter, reader })
  return {
    store,
    limits,
    room,
    taskLog,
    handover,
    reader,
    heldRequests,
    admission,
    submitter,
    replays,
    waiting,
  }
}

/** Creates what the streams of events and figures follow. */
function createStreaming(
  deps: GatewayDeps,
  { store, taskLog, reader, limits }: ReturnType<typeof createTaskParts>,
  { tenants, standing }: Principals,
  metrics: GatewayMetrics,
) {
  const { bus, config, clock, log } = deps
  const deltas = createDeltaTaps(bus)
  const subscriptions = createSubscriptions({ taskLog, deltas, clock, log })
  const onlyTenant = isOpen(config) ? DEFAULT_TENANT : undefined
  const tenantSubscriptions = createTenantSubscriptions({ reader, onlyTenant, log })
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
    standing,
    clock,
    log,
    metrics,
  })
  return { deltas, subscriptions, tenantSubscriptions, controlPlane, fleet, stats, nodes, streams }
}
