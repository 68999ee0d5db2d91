import {
  connectStore,
  connectUsageTotals,
  openPointers,
  openSchedules,
  openTaskLog,
  type AppendOutcome,
  type Bus,
} from '@agentfleet/adapters'
import {
  foldHistory,
  timingOf,
  type Submitted,
  type TaskEvent,
  type TaskRecord,
  type TaskSpec,
} from '@agentfleet/domain'
import {
  freshPointer,
  newTaskId,
  signClaim,
  CHANNELS,
  type Outcome,
  type ReportItem,
} from '@agentfleet/protocol'
import {
  createLogger,
  createRegistry,
  systemClock,
  type Logger,
  type Service,
} from '@agentfleet/runtime'
import { eventually, PLAIN_SPEC, startSecuredServers } from '@agentfleet/testkit'
import { connect } from 'node:net'
import type { CoordinatorDeps } from '../src/deps.ts'
import { createMetrics } from '../src/metrics.ts'
import { createCoordinator } from '../src/service.ts'

/** A tenth of the durations of production. */
export const TIMING = timingOf(0.1)
/** Milliseconds within which every action of a coordinator happens on a busy machine. */
export const SOON_MS = 20_000
const DAY_MS = 86_400_000
const CLAIM_KEY = 'a-key-of-the-tests'
const NODE = 'n1'
export const USAGE = { inputTokens: 10, outputTokens: 5, llmCalls: 1 }
const SPEC: TaskSpec = { ...PLAIN_SPEC, timeoutMs: 600_000 }

/**
 * Real NATS with the production users, and Redis, for the tests of one file. Coordinators run in this process,
 * connected as the user `coordinator` (L9); `reset` stops them and empties the servers.
 */
export async function startBench() {
  const log: Logger = createLogger({ service: 'coordinator', id: 'test', level: 'silent' })
  const servers = await startSecuredServers({ log, beside: ['redis'] })
  const { bus } = servers
  const own = await servers.connect('coordinator')
  const worker = await servers.connect('worker')
  const gateway = await servers.connect('gateway')
  const { url } = servers.redis
  const store = await connectStore({ url, log })
  const usage = await connectUsageTotals({ url, log })
  servers.closing(store)
  servers.closing(usage)
  const taskLog = openTaskLog(bus)
  const pointers = openPointers(bus)
  const schedules = openSchedules(bus)
  const running = new Set<Service>()

  const append = async (
    taskId: string,
    event: TaskEvent,
    expectSeq?: number,
  ): Promise<AppendOutcome> => {
    const seq = expectSeq ?? (await taskLog.last(taskId))?.seq ?? 0
    const messageId = `${taskId}.${seq}.${event.type}`
    return taskLog.append(taskId, event, { expectSeq: seq, messageId, deadlineMs: 5_000 })
  }

  const bench = {
    ...servers,
    own,
    gateway,
    taskLog,
    pointers,
    schedules,
    store,
    usage,
    log,
    append,
    /** Creates and starts a coordinator without waiting for it. */
    async create(overrides: Partial<CoordinatorDeps> = {}): Promise<Service> {
      const coordinator = createCoordinator({
        bus: own,
        taskLog: openTaskLog(own),
        pointers: openPointers(own),
        schedules: openSchedules(own),
        store,
        usage,
        metadataKeys: [],
        clock: systemClock,
        log,
        metrics: createMetrics(createRegistry('coordinator')),
        giveUp: () => undefined,
        claimKey: CLAIM_KEY,
        retentionMs: DAY_MS,
        retentionTasks: 1_000_000,
        keptAtLeastMs: 0,
        timing: TIMING,
        limits: new Map(),
        ...overrides,
      })
      running.add(coordinator)
      await coordinator.start()
      return coordinator
    },
    /** Creates a coordinator and waits until it is ready. */
    async start(overrides: Partial<CoordinatorDeps> = {}): Promise<Service> {
      const coordinator = await bench.create(overrides)
      await eventually(() => {
        if (coordinator.ready?.().ok !== true) throw new Error('not ready')
      })
      return coordinator
    },
    async end(coordinator: Service): Promise<void> {
      running.delete(coordinator)
      await coordinator.drain(5_000)
    },
    /** Stores a submission as the gateway does; issues its pointer if requested. */
    async submit(
      spec: Partial<TaskSpec> = {},
      more: Partial<Submitted> & { pointer?: boolean; taskId?: string } = {},
    ): Promise<TaskRecord> {
      const { pointer = false, taskId = newTaskId(Date.now()), ...rest } = more
      const event: Submitted = {
        type: 'submitted',
        atMs: Date.now(),
        tenant: 't',
        specHash: '',
        spec: { ...SPEC, ...spec },
        ...rest,
      }
      const outcome = await append(taskId, event, 0)
      if (outcome.kind !== 'stored') throw new Error(`not stored: ${outcome.kind}`)
      const record = foldHistory(taskId, [{ event, seq: outcome.seq }])!
      if (pointer) await pointers.issueSurely(freshPointer(record), record.spec.priority)
      return record
    },
    /** Reports one item as a node does. */
    async report(taskId: string, item: object): Promise<Outcome> {
      const expect = (await taskLog.last(taskId))?.seq ?? 0
      const claim = signClaim(CLAIM_KEY, taskId, NODE)
      const reportId = `${taskId}.${expect}`
      const items = [{ taskId, claim, reportId, expect, ...item } as ReportItem]
      const answer = await worker.ask(CHANNELS.report, { nodeId: NODE, items }, 5_000, {
        nodeId: NODE,
      })
      if (answer.kind !== 'reply') throw new Error(answer.kind)
      return answer.body.outcomes[0]!
    },
    complete: (taskId: string, result = 'r') =>
      bench.report(taskId, { op: 'complete', attempt: 1, result, usage: USAGE }),
    /** Resolves with the record once the task is in this state. */
    reaches: (taskId: string, state: TaskRecord['state']): Promise<TaskRecord> =>
      eventually(async () => {
        const record = await taskLog.record(taskId)
        if (record?.state !== state) throw new Error(`${taskId} is ${record?.state}, not ${state}`)
        return record
      }),
    hasPointer: ({ taskId, tenant, spec }: TaskRecord): Promise<boolean> =>
      pointers.has(spec.priority, tenant, taskId),
    /** Resolves when the task has a pointer in its queue. */
    getsPointer: (record: TaskRecord): Promise<void> =>
      eventually(async () => {
        if (!(await bench.hasPointer(record))) throw new Error(`${record.taskId} has no pointer`)
      }),
    redis: (...words: string[]): Promise<string> => redisCommand(url, words),
    async reset(): Promise<void> {
      await Promise.all([...running].map((coordinator) => coordinator.drain(5_000)))
      running.clear()
      for (const stream of ['LOG', 'TASKS', 'SCHEDULES']) {
        await bus.request(`$JS.API.STREAM.PURGE.${stream}`, '', 5_000)
      }
      await bench.redis('FLUSHALL')
    },
  }
  return bench
}

/** The servers of a test file and the functions of its tests. */
export type Bench = Awaited<ReturnType<typeof startBench>>

/** Counts the messages on a subject until the counter is closed. */
export async function countOn(
  bus: Bus,
  subject: string,
): Promise<{ count(): number; close(): void }> {
  let count = 0
  const tap = bus.subscribe(subject, () => (count += 1))
  // What another connection sends before the server knows the subscription would not be counted.
  await eventually(async () => {
    if (!(await bus.roundTrip(SOON_MS))) throw new Error('the server does not answer')
  }, SOON_MS)
  return { count: () => count, close: tap.close }
}

/** Resolves when a coordinator has had time for this many rounds of a loop. */
export async function rounds(everyMs: number, count: number): Promise<void> {
  const untilMs = performance.now() + everyMs * count
  await eventually(() => {
    if (performance.now() < untilMs) throw new Error('not over yet')
  })
}

/** Sends one inline command; returns the raw answer of Redis. */
async function redisCommand(url: string, words: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(`${words.join(' ')}\r\n`)
  for await (const chunk of socket) {
    socket.destroy()
    return String(chunk)
  }
  throw new Error('Redis closed the connection')
}
