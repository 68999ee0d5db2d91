import { setTimeout as pause } from 'node:timers/promises'
import { backoffDelayMs, type Json, type Timing } from '@agentfleet/domain'
import type { Answer, Bus, FleetClock, Logger, Packed } from '@agentfleet/adapters'
import { CHANNELS, type Outcome, type Report, type ReportItem } from '@agentfleet/protocol'
import { createBatcher } from '@agentfleet/runtime'
import type { WorkerMetrics } from '../metrics.ts'
import type { Run } from './runs.ts'

/**
 * Sends reports to the coordinator, grouped into requests. A request is answered when all of its reports have been
 * handled, so reports that take long have requests of their kind: starts, whose answers carry histories, and large
 * results. The others wait for neither (L7).
 *
 * Invariants: a report is repeated with the same id until it has an outcome, so that the log stores
 * it once (L2); it ends as `unavailable` when its run is over or when the task's deadline and a
 * lease have passed; nothing counts as stored unless the coordinator says so (L4).
 */
export interface Reporter {
  /** Sends a report until its outcome is known. */
  report(item: ReportItem, run: Pick<Run, 'over' | 'deadlineAtMs'>): Promise<Outcome>
  /** Asks a coordinator for the time of the log, unless it is known. */
  learnTime(): void
  /** Returns a new id; a repeated report keeps its id. */
  nextId(): string
}

interface ReporterDeps {
  readonly bus: Bus
  readonly log: Logger
  readonly clock: FleetClock
  readonly random: () => number
  readonly metrics: WorkerMetrics
  readonly nodeId: string
  /** Distinguishes this process from earlier processes of the same node, so that ids never repeat. */
  readonly startedAtMs: number
  readonly slots: number
  readonly timing: Pick<Timing, 'leaseMs'>
}

const ITEMS_MAX = 256
/** Requests under way, by kind: enough to keep a coordinator busy; reports that arrive meanwhile leave together. */
const REQUESTS_MAX = { begin: 2, large: 2, small: 4 } as const
/** From this length on a text makes its report large, characters. */
const LARGE_CHARS = 64 * 1024
/** A run has at most one open report, and runs that have just ended may have one too. */
const QUEUE_SLACK = 1_024
/** Milliseconds. A coordinator answers within a few; a lost answer is requested again after this. */
const REQUEST_WITHIN_MS = 5_000
/** Milliseconds. A coordinator restarts within seconds; the last retry comes shortly after that. */
const REPORT_BACKOFF = { baseMs: 100, capMs: 2_000 }

const UNAVAILABLE: Outcome = { kind: 'unavailable' }
const TOO_LARGE: Outcome = {
  kind: 'rejected',
  error: {
    code: 'report-too-large',
    message: 'A report of this run exceeds the largest message that NATS accepts.',
  },
}

/** Creates the reporter of this node. */
export function createReporter(deps: ReporterDeps): Reporter {
  const { bus, clock, random, nodeId } = deps
  const prefix = `${nodeId}.${deps.startedAtMs.toString(36)}.`
  let counter = 0
  const ask = createAsk(bus, nodeId, clock)
  const outage = createOutageLog(deps.log)
  const batcherOf = (kind: keyof typeof REQUESTS_MAX) =>
    createBatcher<ReportItem, Outcome>({
      run: (items) => sendItems(items, ask, outage, deps),
      maxItems: ITEMS_MAX,
      maxInFlight: REQUESTS_MAX[kind],
      maxQueued: deps.slots * 2 + QUEUE_SLACK,
    })
  const batchers = {
    begin: batcherOf('begin'),
    large: batcherOf('large'),
    small: batcherOf('small'),
  }

  let learning = false
  return {
    learnTime() {
      if (clock.known() || learning || !bus.connected()) return
      learning = true
      // Any answer to reports tells the time.
      void ask({ nodeId, items: [] }).finally(() => (learning = false))
    },
    nextId: () => prefix + (counter++).toString(36),
    async report(item, run) {
      const send = batchers[kindOf(item)]
      for (let tries = 1; ; tries += 1) {
        // A full queue also means that the report was not stored.
        const outcome = await send(item).catch(() => UNAVAILABLE)
        if (outcome.kind !== 'unavailable') return outcome
        const lastMs = run.deadlineAtMs + deps.timing.leaseMs
        if (run.over !== undefined || clock.nowMs() >= lastMs) return UNAVAILABLE
        await pause(backoffDelayMs(tries, REPORT_BACKOFF, random))
        if (run.over !== undefined) return UNAVAILABLE
      }
    },
  }
}

function kindOf(item: ReportItem): keyof typeof REQUESTS_MAX {
  if (item.op === 'begin') return 'begin'
  const text = item.op === 'call' ? item.call.output : item.op === 'complete' ? item.result : ''
  return lengthOf(text) > LARGE_CHARS ? 'large' : 'small'
}

/** The length of a text, or of the longest text in an answer of a model or a tool. */
function lengthOf(value: Json): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 0
  let most = 0
  for (const member of Object.values<Json>(value)) {
    if (typeof member === 'string' && member.length > most) most = member.length
  }
  return most
}

type Answered = Answer<{ outcomes: (Outcome | undefined)[]; atMs?: number | undefined }>
type Ask = (message: Packed | Report) => Promise<Answered>

/** Asks the coordinator; a reconnect ends the wait, because the answer was lost with the connection. */
function createAsk(bus: Bus, nodeId: string, clock: FleetClock): Ask {
  const waiting = new Set<() => void>()
  bus.onReconnect(() => {
    for (const giveUp of waiting) giveUp()
  })
  return (message) =>
    new Promise((resolve) => {
      const askedAtMs = clock.monotonicMs()
      const settle = (reply: Answered): void => {
        waiting.delete(giveUp)
        if (reply.kind === 'reply' && reply.body.atMs !== undefined) {
          clock.heard(reply.body.atMs, clock.monotonicMs() - askedAtMs)
        }
        resolve(reply)
      }
      const giveUp = (): void => settle({ kind: 'timeout' })
      waiting.add(giveUp)
      void bus.ask(CHANNELS.report, message, REQUEST_WITHIN_MS, { nodeId }).then(settle)
    })
}

/** Logs the first unanswered request of an outage and the end of it: not one line for each of thousands. */
interface OutageLog {
  note(answer: string): void
  over(): void
}

function createOutageLog(log: Logger): OutageLog {
  let unanswered = 0
  return {
    note(answer) {
      unanswered += 1
      if (unanswered > 1) return
      log.warn({ answer }, 'The coordinator did not confirm reports; the node sends them again')
    },
    over() {
      if (unanswered > 0) log.info({ unanswered }, 'The coordinator confirms reports again')
      unanswered = 0
    },
  }
}

async function sendItems(
  items: readonly ReportItem[],
  ask: Ask,
  outage: OutageLog,
  { bus, metrics, nodeId }: ReporterDeps,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const message of bus.pack(CHANNELS.report, { nodeId, items: [...items] })) {
    const { count } = message
    metrics.reportItems.observe(count)
    const answer = await ask(message)
    if (answer.kind === 'reply' && answer.body.outcomes.length === count) {
      // A lost or unreadable outcome is requested again.
      for (const outcome of answer.body.outcomes) outcomes.push(outcome ?? UNAVAILABLE)
      outage.over()
      continue
    }
    if (answer.kind === 'too-large') {
      // This applies only to a report that is alone in its message.
      outcomes.push(TOO_LARGE)
      continue
    }
    outage.note(answer.kind)
    // The other reports would only wait for the same coordinator.
    while (outcomes.length < items.length) outcomes.push(UNAVAILABLE)
    break
  }
  return outcomes
}
