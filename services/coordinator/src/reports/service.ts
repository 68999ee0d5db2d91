import type { Bus, BusMessage } from '@agentfleet/adapters'
import {
  approveSchema,
  cancelSchema,
  reportSchema,
  SUBJECTS,
  type ApproveReply,
  type Outcome,
  type ReportItem,
} from '@agentfleet/protocol'
import type { Clock, Logger, Service } from '@agentfleet/runtime'
import type { ApproveRequest } from '../due/waits.ts'
import type { CoordinatorMetrics } from '../metrics.ts'
import { cancelTask, type EndingDeps } from './cancel.ts'
import { handleReport, type ReportDeps } from './handle-report.ts'

/**
 * The part that answers requests: batches of reports of nodes, cancels and approvals.
 *
 * Each item of a batch is appended on the expectation that it names, and its outcome goes back (L2 to
 * L4). Invariant: at most REPORTS_MAX items are under way; above that a node is told to ask again.
 */
export interface Reports extends Service {
  /** Items of reports under way. */
  inReport(): number
}

/** What answering requests needs. */
export interface ReportsDeps {
  readonly bus: Bus
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: Pick<CoordinatorMetrics, 'batch' | 'reports'>
  readonly report: ReportDeps
  readonly endings: EndingDeps
  /** Called with each task whose ending was appended just now. */
  readonly ended: (taskId: string) => void
  readonly approve: (request: ApproveRequest) => Promise<ApproveReply['kind']>
}

/** Reports under way; a node above its share waits in its own queue. */
const REPORTS_MAX = 20_000
/** A drain looks this often whether all reports are answered, milliseconds. */
const DRAIN_LOOK_MS = 20

/** Creates the part; it hears nothing before `start`. */
export function createReports(deps: ReportsDeps): Reports {
  const { bus, clock, log, metrics, endings } = deps
  const subscriptions: { close(): void }[] = []
  let inReport = 0

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
          handleReport(deps.report, report.nodeId, item).catch((error: unknown): Outcome => {
            log.warn({ err: error, taskId: item.taskId }, 'report not settled')
            return { kind: 'unavailable' }
          }),
        ),
      )
      countOutcomes(report.items, outcomes, metrics)
      message.respond(JSON.stringify({ outcomes }))
      for (const [index, { op, taskId }] of report.items.entries()) {
        const stored = outcomes[index]?.kind === 'committed'
        if (stored && (op === 'complete' || op === 'fail')) deps.ended(taskId)
      }
    } finally {
      inReport -= report.items.length
    }
  }

  const onReport = (message: BusMessage): void => {
    void answerReport(message).catch((error: unknown) =>
      log.error({ err: error }, 'report not answered, the node will send it again'),
    )
  }

  const onCancel = (message: BusMessage): void => {
    const request = cancelSchema.parse(JSON.parse(message.text()))
    void cancelTask(endings, request)
      .catch((error: unknown) => {
        log.warn({ err: error, taskId: request.taskId }, 'cancel not settled')
        return 'unavailable' as const
      })
      .then((kind) => message.respond(JSON.stringify({ kind })))
  }

  const onApprove = (message: BusMessage): void => {
    const request = approveSchema.parse(JSON.parse(message.text()))
    void deps
      .approve(request)
      .catch((error: unknown) => {
        log.warn({ err: error, taskId: request.taskId }, 'approval not settled')
        return 'unavailable' as const
      })
      .then((kind) => message.respond(JSON.stringify({ kind })))
  }

  return {
    inReport: () => inReport,
    async start() {
      if (subscriptions.length > 0) return
      const options = { queue: 'coordinator' }
      subscriptions.push(bus.subscribe(SUBJECTS.report, onReport, options))
      subscriptions.push(bus.subscribe(SUBJECTS.cancel, onCancel, options))
      subscriptions.push(bus.subscribe(SUBJECTS.approve, onApprove, options))
    },
    async drain(deadlineMs) {
      for (const subscription of subscriptions.splice(0)) subscription.close()
      const deadline = clock.monotonicMs() + deadlineMs
      while (inReport > 0 && clock.monotonicMs() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS))
      }
    },
    ready: () => (bus.connected() ? { ok: true } : { ok: false, reason: 'bus-away' }),
  }
}

/** One increment for each kind in a batch: counters with labels are not free. */
function countOutcomes(
  items: readonly ReportItem[],
  outcomes: readonly Outcome[],
  metrics: Pick<CoordinatorMetrics, 'reports'>,
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
