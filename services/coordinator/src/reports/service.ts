import { setTimeout as pause } from 'node:timers/promises'
import { ackForNodes } from '@agentfleet/adapters'
import {
  checkClaim,
  CHANNELS,
  nodeIdIn,
  ServiceError,
  type ApproveReply,
  type Outcome,
  type Report,
  type ReportItem,
} from '@agentfleet/protocol'
import type { ApproveRequest } from '../due/approvals.ts'
import type { PartDeps } from '../deps.ts'
import type { Cancel } from './cancel.ts'
import { handleBatch } from './batch.ts'
import { createReportRooms, type Visit } from './rooms.ts'
import { endTooLarge, handleReport, type ReportDeps } from './handle-report.ts'

interface ReportsDeps extends Pick<
  PartDeps,
  'bus' | 'clock' | 'log' | 'metrics' | 'logMs' | 'tenants'
> {
  readonly report: ReportDeps
  readonly cancel: Cancel
  /** Called with each task whose end event was just appended. */
  readonly ended: (taskId: string) => void
  readonly approve: (request: ApproveRequest) => Promise<ApproveReply['kind']>
}

interface ReportReply {
  readonly outcomes: Outcome[]
  readonly atMs: number | undefined
}

/** Assumed size of a history that the follower has not read yet, bytes. */
const HISTORY_UNKNOWN_BYTES = 1024 * 1024
/** What the results of other tasks take while they are read for a task, bytes. */
const INPUTS_BYTES = 4 * 1024 * 1024
/** The outcome for an event that exceeds the largest message of the log. */
const EVENT_TOO_LARGE: Outcome = {
  kind: 'rejected',
  error: {
    code: 'event-too-large',
    message: 'A report of this run exceeds the largest message that NATS accepts.',
  },
}
/** Milliseconds between checks whether a drain has answered all reports. */
const DRAIN_LOOK_MS = 20

/**
 * Answers requests: batches of reports, cancels and approvals; receives nothing before `start`.
 *
 * Each report is appended with the sequence that it expects, and its outcome returns to the node
 * (L2 to L4). Invariant (L7): the reports that are handled at once have a bounded room (`rooms`); beyond it, or beyond
 * its share of it, a node must report again.
 */
export function createReports(deps: ReportsDeps) {
  const { bus, clock, metrics, logMs } = deps
  const subscriptions: { close(): void }[] = []
  const { tasks, claimKey } = deps.report
  const rooms = createReportRooms({
    tenants: deps.tenants,
    bytesToBegin: (taskId) => bytesToBegin(tasks, taskId),
    tenantOf: ({ taskId, claim }, nodeId) =>
      checkClaim(claimKey, claim, taskId, nodeId) ? tasks.get(taskId)?.tenant : undefined,
  })

  const onReport = async (
    { items }: Report,
    { subject, bytes }: { readonly subject: string; readonly bytes: number },
  ): Promise<ReportReply> => {
    // NATS lets a node use only the subject with its own id, whatever the body says (L9).
    const nodeId = nodeIdIn(CHANNELS.report, subject)
    const visit = rooms.enter(items, bytes, nodeId)
    if (visit === undefined) {
      return { outcomes: items.map(() => ({ kind: 'unavailable' })), atMs: logMs() }
    }
    metrics.batch.observe(items.length)
    try {
      const outcomes = await outcomesOf(deps, nodeId, items, visit)
      countOutcomes(items, outcomes, metrics)
      for (const [index, item] of items.entries()) {
        const stored = outcomes[index]?.kind === 'committed'
        if (stored && (item?.op === 'complete' || item?.op === 'fail')) deps.ended(item.taskId)
      }
      return { outcomes, atMs: logMs() }
    } finally {
      visit.leave()
    }
  }

  return {
    /** Returns the number of reports being handled. */
    inReport: rooms.used,
    async start(): Promise<void> {
      if (subscriptions.length > 0) return
      subscriptions.push(
        bus.on(CHANNELS.report, onReport),
        ackForNodes(bus),
        bus.on(CHANNELS.cancel, async (request) => ({ kind: await deps.cancel(request) })),
        bus.on(CHANNELS.approve, async (request) => ({ kind: await deps.approve(request) })),
      )
    },
    async drain(deadlineMs: number): Promise<void> {
      for (const subscription of subscriptions.splice(0)) subscription.close()
      const deadline = clock.monotonicMs() + deadlineMs
      while (rooms.used() > 0 && clock.monotonicMs() < deadline) {
        await pause(DRAIN_LOOK_MS)
      }
    },
    ready: () => (bus.connected() ? { ok: true } : { ok: false, reason: 'bus-away' }),
  }
}

/** Returns one outcome for each report, independent of the other reports. */
function outcomesOf(
  { bus, log, report }: ReportsDeps,
  nodeId: string,
  items: Report['items'],
  { reserve, admits }: Pick<Visit, 'reserve' | 'admits'>,
): Promise<Outcome[]> {
  return handleBatch(items, {
    reserve,
    payloadMax: bus.payloadMax,
    tooLarge: (item, begun, bytes) => endTooLarge(report, item, begun, bytes),
    handle: async (item) => {
      if (!admits(item)) return { kind: 'unavailable' }
      try {
        return await handleReport(report, nodeId, item)
      } catch (error) {
        if (error instanceof ServiceError && error.code === 'too-large') return EVENT_TOO_LARGE
        log.warn(
          { err: error, taskId: item.taskId },
          'The coordinator could not handle a report; the node sends it again',
        )
        return { kind: 'unavailable' }
      }
    },
  })
}

/** What a task that begins takes: its history, and the results of the tasks that it has waited for. */
function bytesToBegin(tasks: PartDeps['tasks'], taskId: string): number {
  const record = tasks.get(taskId)
  const awaits = (record?.children.length ?? 0) + (record?.spec.dependsOn?.length ?? 0)
  const inputBytes = awaits > 0 ? INPUTS_BYTES : 0
  return (tasks.historyBytes(taskId) ?? HISTORY_UNKNOWN_BYTES) + inputBytes
}

/** Increments each counter once for a batch, because counters with labels are not free. */
function countOutcomes(
  items: readonly (ReportItem | undefined)[],
  outcomes: readonly Outcome[],
  metrics: PartDeps['metrics'],
): void {
  const counts = new Map<string, number>()
  for (const [index, outcome] of outcomes.entries()) {
    const key = `${items[index]?.op ?? 'unreadable'} ${outcome.kind}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const [key, count] of counts) {
    const [op = '', outcome = ''] = key.split(' ')
    metrics.reports.inc({ op, outcome }, count)
  }
}
