import { backoffDelayMs, type Timing } from '@agentfleet/domain'
import type { Answer, Bus, Logger, Packed } from '@agentfleet/adapters'
import { CHANNELS, type Outcome, type ReportItem } from '@agentfleet/protocol'
import { createBatcher, type Clock } from '@agentfleet/runtime'
import type { WorkerMetrics } from '../metrics.ts'
import type { Run } from './runs.ts'

/**
 * Reports to the coordinator, grouped into requests.
 *
 * Invariants: a report is repeated with the same id until it has an outcome, so that the log holds
 * it once (L2); it is given up as `unavailable` when its run is over or when the task's deadline and
 * a lease have passed; nothing is taken for stored that the coordinator did not say (L4).
 */
export interface Reporter {
  /** Sends a report until its outcome is known. */
  report(item: ReportItem, run: Pick<Run, 'over' | 'deadlineAtMs'>): Promise<Outcome>
  /** A new id; the same report keeps it however often it is sent. */
  nextId(): string
  size(): number
}

/** What reporting needs. */
export interface ReporterDeps {
  readonly bus: Bus
  readonly log: Logger
  readonly clock: Clock
  readonly random: () => number
  readonly metrics: WorkerMetrics
  readonly nodeId: string
  /** Tells this process from earlier ones of the same node, so that ids never repeat. */
  readonly startedAtMs: number
  readonly slots: number
  readonly timing: Pick<Timing, 'leaseMs'>
}

const ITEMS_MAX = 256
/** Enough to keep a coordinator busy; what comes while all are under way goes out together. */
const REQUESTS_MAX = 4
/** A run has at most one report out; what is above that is room for runs that were just ended. */
const QUEUE_SLACK = 1_024
/** A coordinator answers in milliseconds; a lost answer is asked for again after this. */
const REQUEST_WITHIN_MS = 5_000
/** A coordinator restarts within seconds; retries come a little later than that at the most. */
const REPORT_BACKOFF = { baseMs: 100, capMs: 2_000 }

const UNAVAILABLE: Outcome = { kind: 'unavailable' }
const TOO_LARGE: Outcome = {
  kind: 'rejected',
  error: {
    code: 'report-too-large',
    message: 'A report of this run exceeds one message of the bus.',
  },
}

/** A reporter of this node. */
export function createReporter(deps: ReporterDeps): Reporter {
  const { bus, clock, random, nodeId } = deps
  const prefix = `${nodeId}.${deps.startedAtMs.toString(36)}.`
  let counter = 0
  const ask = createAsk(bus)
  const batcher = createBatcher<ReportItem, Outcome>({
    run: (items) => sendItems(items, ask, deps),
    maxItems: ITEMS_MAX,
    maxInFlight: REQUESTS_MAX,
    maxQueued: deps.slots * 2 + QUEUE_SLACK,
  })

  return {
    nextId: () => prefix + (counter++).toString(36),
    size: () => batcher.size(),
    async report(item, run) {
      for (let tries = 1; ; tries += 1) {
        // A full queue is one more way of not being stored.
        const outcome = await batcher.add(item).catch(() => UNAVAILABLE)
        if (outcome.kind !== 'unavailable') return outcome
        const lastMs = run.deadlineAtMs + deps.timing.leaseMs
        if (run.over !== undefined || clock.nowMs() >= lastMs) return UNAVAILABLE
        await pause(backoffDelayMs(tries, REPORT_BACKOFF, random))
        if (run.over !== undefined) return UNAVAILABLE
      }
    },
  }
}

type Answered = Answer<{ outcomes: (Outcome | undefined)[] }>
type Ask = (message: Packed) => Promise<Answered>

/** Asks the coordinator; a reconnect ends the wait, as the answer went down with the connection. */
function createAsk(bus: Bus): Ask {
  const waiting = new Set<() => void>()
  bus.onReconnect(() => {
    for (const giveUp of waiting) giveUp()
  })
  return (message) =>
    new Promise((resolve) => {
      const settle = (reply: Answered): void => {
        waiting.delete(giveUp)
        resolve(reply)
      }
      const giveUp = (): void => settle({ kind: 'timeout' })
      waiting.add(giveUp)
      void bus.ask(CHANNELS.report, message, REQUEST_WITHIN_MS).then(settle)
    })
}

async function sendItems(
  items: readonly ReportItem[],
  ask: Ask,
  { bus, log, metrics, nodeId }: ReporterDeps,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const message of bus.pack(CHANNELS.report, { nodeId, items: [...items] })) {
    const { count } = message
    metrics.reportItems.observe(count)
    const answer = await ask(message)
    if (answer.kind === 'reply' && answer.body.outcomes.length === count) {
      // One that was lost on the way or cannot be read is asked for again.
      for (const outcome of answer.body.outcomes) outcomes.push(outcome ?? UNAVAILABLE)
      continue
    }
    if (answer.kind === 'too-large') {
      // Only a report that is alone in its message can be.
      outcomes.push(TOO_LARGE)
      continue
    }
    log.warn(
      { answer: answer.kind, items: items.length },
      'reports not confirmed, sent again later',
    )
    // The rest would only wait for the same silence.
    while (outcomes.length < items.length) outcomes.push(UNAVAILABLE)
    break
  }
  return outcomes
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
