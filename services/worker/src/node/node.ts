import {
  busAddress,
  createFleetClock,
  openPointerAcks,
  type Bus,
  type Logger,
  type ProviderLimits,
} from '@agentfleet/adapters'
import { createAnswerChecks } from '@agentfleet/answer-schema'
import { HEARTBEAT_INTERVAL_MS, type Placed, type Timing } from '@agentfleet/domain'
import {
  JOURNAL_MAX_BYTES,
  readTenantBudgets,
  readTenantTools,
  RESULT_MAX_BYTES,
} from '@agentfleet/protocol'
import type { Clock, Registry } from '@agentfleet/runtime'
import { createAttempts } from '../run/attempt.ts'
import { createHeartbeats } from '../heartbeat/heartbeats.ts'
import type { WorkerConfig } from '../config.ts'
import { createDeltas } from '../run/deltas.ts'
import { createLlm, type Llm } from '../llm/llm.ts'
import { createMetrics } from '../metrics.ts'
import { handBack } from './hand-back.ts'
import { createOwnership } from './ownership.ts'
import { createRenewals } from './renewals.ts'
import type { Provider } from '../llm/provider.ts'
import { createReporter } from './reports.ts'
import { createRuns, type GivenItem, type Run } from './runs.ts'
import { createStarts } from './starts.ts'
import type { NodeTools } from '../tools/node-tools.ts'

/** Characters of a tool's output: the model reads it again in each later call. */
const TOOL_OUTPUT_CHARS_MAX = 65_536
/** Milliseconds; a run that would wait longer for a provider's limits gives up its slot. */
const PROVIDER_WAIT_MS = 30_000

/** The parts of a node, connected and not started. */
export type Node = ReturnType<typeof createNode>

/** Dependencies of a node. */
export interface NodeDeps {
  readonly bus: Bus
  readonly log: Logger
  readonly clock: Clock
  readonly random: () => number
  readonly registry: Registry
  readonly config: WorkerConfig
  readonly timing: Timing
  readonly providers: readonly Provider[]
  /** The provider limits that all nodes share. */
  readonly shared: ProviderLimits
  readonly tools: NodeTools
}

/** Creates the parts of a node; `onOver` is called whenever a run is over. */
export function createNode(given: NodeDeps, onOver: () => void) {
  // Heartbeats name the starts of this process by the clock of the node, which has no offset yet.
  const { bus, clock, random, config } = given
  const fleetClock = createFleetClock(clock)
  const { SERVICE_ID: id, WORKER_SLOTS: slots } = config
  const acks = openPointerAcks(bus, id)
  const deps = { ...given, clock: fleetClock, acks }
  const startedAtMs = clock.nowMs()
  const metrics = createMetrics(deps.registry, {
    running: () => runs.size(),
    lagMs: () => heartbeats.lagMs(),
    waiting: () => llm.waiting(),
    providers: () => llm.providers(),
    requests: () => llm.requests(),
  })
  const runs = createRuns((run) => {
    if (run?.over !== undefined) metrics.attempts.inc({ outcome: run.over })
    if (run?.over === 'superseded') metrics.superseded.inc()
    heartbeats.changed(run)
    if (run !== undefined) onOver()
  }, clock.monotonicMs)
  const heartbeats = createHeartbeats({
    bus,
    runs: () => runs,
    progress: () => llm.progress(),
    slots,
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    thread: threadData(deps, startedAtMs),
    wasSilent: () => ownership.doubtAll('silent'),
  })
  const reporter = createReporter({ ...deps, metrics, nodeId: id, startedAtMs, slots })
  const ownership = createOwnership({ ...deps, runs, reporter })
  const renewals = createRenewals(bus, acks, runs, deps.timing.renewEveryMs, random)
  const deltas = createDeltas(bus, id, slots)
  const llm = llmOf(deps)
  const start = createAttempts({
    ...deps,
    runs,
    reporter,
    noticePause: ownership.noticePause,
    doubt: ownership.doubt,
    llm,
    tools: deps.tools.all,
    tenantTools: readTenantTools(config.TENANT_TOOLS).value,
    answerChecks: createAnswerChecks(),
    deltas,
    metrics,
    turnsMax: config.MAX_TURNS,
    resultBytesMax: RESULT_MAX_BYTES,
    journalBytesMax: JOURNAL_MAX_BYTES,
    toolOutputMax: TOOL_OUTPUT_CHARS_MAX,
  })
  return {
    id,
    runs,
    heartbeats,
    ownership,
    renewals,
    deltas,
    llm,
    starts: createStarts(start),
    /** The time of the fleet, by which tasks are measured. */
    clock: fleetClock,
    /** Asks a coordinator for the time of the fleet, unless it is known. */
    learnTime: reporter.learnTime,
    /** Ends every run within this time, so that its task continues elsewhere. */
    handBack: (withinMs: number) => handBack({ acks, runs, reporter }, withinMs),
    take(item: GivenItem, placed: Placed | undefined): Run {
      const now = clock.monotonicMs()
      return runs.add(item, now, renewals.firstAtMs(now), placed)
    },
  }
}

function threadData({ config }: NodeDeps, startedAtMs: number) {
  return {
    nodeId: config.SERVICE_ID,
    startedAtMs,
    intervalMs: HEARTBEAT_INTERVAL_MS,
    logLevel: config.LOG_LEVEL,
    nats: busAddress(config),
  }
}

function llmOf({ config, clock, random, providers, shared }: NodeDeps): Llm {
  return createLlm({
    node: config.SERVICE_ID,
    providers,
    budgets: readTenantBudgets(config.TENANT_BUDGETS).value,
    shared,
    firstTokenMs: config.LLM_FIRST_TOKEN_TIMEOUT_MS,
    silenceMs: config.LLM_SILENCE_TIMEOUT_MS,
    callMs: config.LLM_CALL_TIMEOUT_MS,
    waitMs: PROVIDER_WAIT_MS,
    outputBytesMax: RESULT_MAX_BYTES,
    nowMs: () => clock.nowMs(),
    random,
  })
}
