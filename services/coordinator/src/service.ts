import {
  tailLog,
  type Bus,
  type BusMessage,
  type LogTail,
  type Pointers,
  type Schedules,
  type Store,
  type TaskLog,
  type UsageTotals,
} from '@agentfleet/adapters'
import { isTerminal, type Timing } from '@agentfleet/domain'
import {
  approveSchema,
  cancelSchema,
  reportSchema,
  SUBJECTS,
  type Outcome,
  type ReportItem,
} from '@agentfleet/protocol'
import { every, type Clock, type Logger, type Service } from '@agentfleet/runtime'
import { createChildren } from './due/children.ts'
import { cancelTask, expireTask } from './reports/cancel.ts'
import type { CoordinatorMetrics } from './metrics.ts'
import { handleReport } from './reports/handle-report.ts'
import { createProjector } from './follower/projector.ts'
import { rebuildProjection } from './follower/rebuild.ts'
import { createScheduler } from './due/schedules.ts'
import { createTaskTable } from './follower/task-table.ts'
import { createTrimmer } from './follower/trim.ts'
import { createRepair } from './repair/repair.ts'
import { createUsageCounter } from './follower/usage.ts'
import { createWaits } from './due/waits.ts'

/**
 * The coordinator: the one writer of history after `submitted`.
 *
 * Two halves. Reports: a node's batch comes in, each item is appended on the expectation it names,
 * the outcomes go back (L2 to L4). Follower: the log is read in order, folded into a table of
 * unfinished tasks and carried to Redis, and what should have followed from an event and did not
 * is done (L8). Any number of coordinators may run; each follows for itself, and all that the
 * follower does may be done twice.
 */
export interface CoordinatorDeps {
  readonly bus: Bus
  readonly log: TaskLog
  readonly pointers: Pointers
  readonly schedules: Schedules
  readonly store: Store
  readonly usage: UsageTotals
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: CoordinatorMetrics
  readonly claimKey: string
  readonly retentionMs: number
  readonly timing: Timing
}

/** Delayed tasks start this precisely, milliseconds. */
const DUE_EVERY_MS = 100
/** Ticks are this precise, milliseconds. */
const SCHEDULES_EVERY_MS = 250
/** Budgets of tenants are kept by these totals. */
const USAGE_EVERY_MS = 300
/** Reports under way; a node above its share waits in its own queue. */
const REPORTS_MAX = 20_000

/** Creates a coordinator; nothing happens before `start`. */
export function createCoordinator(deps: CoordinatorDeps): Service {
  const { bus, log, pointers, store, clock, logger, metrics, retentionMs, timing } = deps
  const nowMs = clock.nowMs
  const tasks = createTaskTable()
  const projector = createProjector(store, retentionMs, logger)
  const usage = createUsageCounter({ bus, totals: deps.usage, logger })
  const trimmer = createTrimmer({ bus, log, store, tasks, logger, retentionMs, nowMs })
  const endings = { bus, log, pointers, store, logger, nowMs }
  const repair = createRepair({
    bus,
    tasks,
    pointers,
    log,
    logger,
    expire: (record) => expireTask(endings, record),
    timing,
    nowMs,
  })
  const children = createChildren({ tasks, log, pointers, endings, logger, timing, nowMs })
  const waits = createWaits({ tasks, log, store, pointers, logger, nowMs })
  const scheduler = createScheduler({ ...deps, nowMs })
  const { claimKey } = deps
  const reportDeps = {
    log,
    store,
    tasks,
    claimKey,
    nowMs,
    random: Math.random,
    timing,
    make: children.make,
  }
  let tail: LogTail | undefined
  let caughtUp = false
  let inReport = 0
  let projectFrom = 0
  let rebuildWanted = false
  const subscriptions: { close(): void }[] = []

  const follow = (): LogTail =>
    tailLog(bus, {
      afterSeq: 0,
      log: logger,
      receive(event) {
        const before = tasks.get(event.taskId)
        const record = tasks.apply(event)
        if (record === undefined) return
        usage.note(event.event, event.seq, before)
        metrics.events.inc({ type: event.event.type })
        const ended = isTerminal(record.state)
        const neededFrom = ended ? record.submittedSeq : Infinity
        trimmer.note(event.event.atMs, event.seq, neededFrom)
        // What the projection already holds is not written again at every start.
        if (event.seq > projectFrom) projector.add(record)
        if (!caughtUp) return
        waits.followed(record)
        if (ended && record.children.length > 0) {
          void children
            .parentEnded(record)
            .catch((error: unknown) =>
              logger.warn({ err: error, taskId: record.taskId }, 'children not cancelled yet'),
            )
        }
      },
    })

  const onReport = (message: BusMessage): void => {
    void answerReport(message).catch((error: unknown) =>
      logger.error({ err: error }, 'report not answered, the node will send it again'),
    )
  }

  const answerReport = async (message: BusMessage): Promise<void> => {
    const report = reportSchema.parse(JSON.parse(message.text()))
    if (inReport + report.items.length > REPORTS_MAX) {
      const outcomes = report.items.map((): Outcome => ({ kind: 'unavailable' }))
      message.respond(JSON.stringify({ outcomes }))
      return
    }
    inReport += report.items.length
    metrics.batch.observe(report.items.length)
    try {
      const outcomes = await Promise.all(
        report.items.map((item) =>
          handleReport(reportDeps, report.nodeId, item).catch((error: unknown): Outcome => {
            logger.warn({ err: error, taskId: item.taskId }, 'report not settled')
            return { kind: 'unavailable' }
          }),
        ),
      )
      countOutcomes(report.items, outcomes, metrics)
      message.respond(JSON.stringify({ outcomes }))
      for (const [index, { op, taskId }] of report.items.entries()) {
        const stored = outcomes[index]?.kind === 'committed'
        if (stored && (op === 'complete' || op === 'fail')) waits.ended(taskId)
      }
    } finally {
      inReport -= report.items.length
    }
  }

  const onCancel = (message: BusMessage): void => {
    const request = cancelSchema.parse(JSON.parse(message.text()))
    void cancelTask(endings, request)
      .catch((error: unknown) => {
        logger.warn({ err: error, taskId: request.taskId }, 'cancel not settled')
        return 'unavailable' as const
      })
      .then((kind) => message.respond(JSON.stringify({ kind })))
  }

  const onApprove = (message: BusMessage): void => {
    const request = approveSchema.parse(JSON.parse(message.text()))
    void waits
      .approve(request)
      .catch((error: unknown) => {
        logger.warn({ err: error, taskId: request.taskId }, 'approval not settled')
        return 'unavailable' as const
      })
      .then((kind) => message.respond(JSON.stringify({ kind })))
  }

  const keepProjection = async (): Promise<void> => {
    if (!caughtUp || tail === undefined) return
    const position = tail.position()
    if (projector.takeLost()) rebuildWanted = true
    if ((await store.builtSeq()) !== undefined && !rebuildWanted) {
      if (projector.clean()) await store.markBuilt(position)
      return
    }
    logger.warn({}, 'the projection is missing, rebuilding it from the log')
    const report = await rebuildProjection({
      bus,
      store,
      logger,
      retentionMs,
      monotonicMs: clock.monotonicMs,
    })
    rebuildWanted = false
    metrics.rebuilds.inc()
    logger.info(report, 'projection rebuilt')
  }

  const loop = (
    name: string,
    everyMs: number,
    run: (signal: AbortSignal) => Promise<unknown>,
    runDeadlineMs?: number,
  ) =>
    every(
      everyMs,
      { clock, log: logger, name, ...(runDeadlineMs === undefined ? {} : { runDeadlineMs }) },
      async (signal) => {
        if (caughtUp) await run(signal)
      },
    )
  const loops = [
    loop('retries', timing.retriesEveryMs, async () => {
      metrics.issued.inc(await repair.retries())
    }),
    loop('due', DUE_EVERY_MS, async () => waits.due()),
    loop('schedules', SCHEDULES_EVERY_MS, scheduler.tick, 60_000),
    loop('waits', timing.waitsEveryMs, async () => waits.sweep()),
    loop('children', timing.childrenEveryMs, children.sweep, 60_000),
    loop('deadlines', timing.deadlinesEveryMs, async () => {
      metrics.expired.inc(await repair.deadlines())
    }),
    loop(
      'pointers',
      timing.pointersEveryMs,
      async (signal) => {
        metrics.issued.inc((await repair.pointers(signal)).issued)
      },
      120_000,
    ),
    loop('projection', timing.projectionEveryMs, keepProjection, 600_000),
    loop('usage', USAGE_EVERY_MS, () => usage.flush(), 120_000),
    loop('trim', timing.trimEveryMs, () => trimmer.trim()),
  ]
  metrics.observe({
    unfinished: () => tasks.size(),
    inReport: () => inReport,
    position: () => tail?.position() ?? 0,
  })

  return {
    async start() {
      if (tail !== undefined) return
      const options = { queue: 'coordinator' }
      subscriptions.push(bus.subscribe(SUBJECTS.report, onReport, options))
      subscriptions.push(bus.subscribe(SUBJECTS.cancel, onCancel, options))
      subscriptions.push(bus.subscribe(SUBJECTS.approve, onApprove, options))
      // Without a projection, or without an answer about it, everything is carried over again.
      const builtSeq = await store.builtSeq().catch(() => undefined)
      rebuildWanted = builtSeq === undefined
      projectFrom = builtSeq ?? Infinity
      tail = follow()
      scheduler.start()
      void tail.caughtUp().then(
        () => {
          caughtUp = true
          projectFrom = 0
          waits.begin()
          logger.info({ unfinished: tasks.size(), position: tail?.position() }, 'log followed')
        },
        (error: unknown) => logger.error({ err: error }, 'log not followed'),
      )
      for (const each of loops) await each.start()
    },
    ready: () => (bus.connected() ? { ok: true } : { ok: false, reason: 'bus-away' }),
    async drain(deadlineMs) {
      for (const subscription of subscriptions) subscription.close()
      const deadline = clock.monotonicMs() + deadlineMs
      await Promise.all(loops.map((each) => each.drain(deadlineMs)))
      while (inReport > 0 && clock.monotonicMs() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      waits.close()
      await scheduler.close()
      await tail?.close()
      await projector.drain()
    },
  }
}

/** One increment for each kind in a batch: counters with labels are not free. */
function countOutcomes(
  items: readonly ReportItem[],
  outcomes: readonly Outcome[],
  metrics: CoordinatorMetrics,
): void {
  const counts = new Map<string, number>()
  for (const [index, outcome] of outcomes.entries()) {
    const key = `${items[index]!.op} ${outcome.kind}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const [key, count] of counts) {
    const [op = '', outcome = ''] = key.split(' ')
    metrics.reports.inc({ op, outcome }, count)
  }
}
