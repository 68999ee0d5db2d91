import type { Outcome, ReportItem } from '@agentfleet/protocol'

/**
 * Handles a batch of reports. A `begun` outcome carries the task, its journal and its inputs, up to
 * megabytes each, so tasks begin in groups and an answer has a limit in bytes.
 *
 * Invariants: each report gets one outcome, in order; the memory in use is bounded by what `reserve`
 * grants and one answer; the first `begun` always fits, so a node that asks again makes progress.
 */
export interface BatchDeps {
  readonly handle: (item: ReportItem) => Promise<Outcome>
  /** Reserves memory for the history of a task that begins; false: the node asks again later. */
  readonly reserve: (item: ReportItem) => boolean
  /** Fails a task whose `begun` exceeds one message, and returns the outcome for its node. */
  readonly tooLarge: (item: ReportItem, outcome: Begun, bytes: number) => Promise<Outcome>
  /** Returns the largest message of the bus in bytes. */
  readonly payloadMax: () => number
}

type Begun = Extract<Outcome, { kind: 'begun' }>

/** Tasks that begin in parallel: enough to hide the round trips to the log. */
const GROUP = 32
/**
 * Bytes of `begun` outcomes in one answer. A node has four requests open, so they stay below the 64
 * MiB that nats-server buffers for one connection.
 */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024
/** Bytes that surround an outcome in its message. */
const FRAME_BYTES = 1_024
/** Nothing is known to be stored, so the node reports again. */
const ASK_AGAIN: Outcome = { kind: 'unavailable' }
/** The outcome for a report that the coordinator cannot parse. */
const UNREADABLE: Outcome = {
  kind: 'rejected',
  error: {
    code: 'report-invalid',
    message:
      'The coordinator could not read a report of this run. Run the same release of all services.',
  },
}

/** Handles each report of a batch. */
export async function handleBatch(
  items: readonly (ReportItem | undefined)[],
  deps: BatchDeps,
): Promise<Outcome[]> {
  const outcomes = items.map((item) => (item === undefined ? UNREADABLE : ASK_AGAIN))
  const begins: number[] = []
  const others: Promise<void>[] = []
  for (const [at, item] of items.entries()) {
    if (item?.op === 'begin') begins.push(at)
    else if (item !== undefined) {
      others.push(
        deps.handle(item).then((outcome) => {
          outcomes[at] = outcome
        }),
      )
    }
  }
  await Promise.all([...others, beginAll(begins, items, outcomes, deps)])
  return outcomes
}

async function beginAll(
  begins: readonly number[],
  items: readonly (ReportItem | undefined)[],
  outcomes: Outcome[],
  { handle, reserve, tooLarge, payloadMax }: BatchDeps,
): Promise<void> {
  let bytes = 0
  const begin = async (at: number): Promise<void> => {
    const item = items[at]
    if (item === undefined || !reserve(item)) return
    const outcome = await handle(item)
    if (outcome.kind !== 'begun') {
      outcomes[at] = outcome
      return
    }
    const size = Buffer.byteLength(JSON.stringify(outcome))
    if (size + FRAME_BYTES > payloadMax()) {
      outcomes[at] = await tooLarge(item, outcome, size)
      return
    }
    // A `begun` that does not fit stays "report again": the task has begun, and the repeated report
    // is answered from the log.
    if (bytes > 0 && bytes + size > ANSWER_BYTES_MAX) return
    bytes += size
    outcomes[at] = outcome
  }
  for (let start = 0; start < begins.length && bytes < ANSWER_BYTES_MAX; start += GROUP) {
    await Promise.all(begins.slice(start, start + GROUP).map(begin))
  }
}
