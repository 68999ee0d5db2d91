import type { Outcome, ReportItem } from '@agentfleet/protocol'

/**
 * The outcomes of a batch of reports. A `begun` carries the task, its journal and its inputs, up to
 * megabytes each; so tasks begin in groups, and an answer holds a bounded number of bytes.
 *
 * Invariants: one outcome for each report, in their order; what begins together is at most a group and an
 * answer large; the first `begun` always fits, so a node that asks again always gets further.
 */
export interface BatchDeps {
  readonly handle: (item: ReportItem) => Promise<Outcome>
  /** Ends a task whose `begun` no message can hold, and says what its node is to do. */
  readonly tooLarge: (item: ReportItem, outcome: Begun, bytes: number) => Promise<Outcome>
  /** Largest message of the bus, bytes. */
  readonly payloadMax: () => number
}

type Begun = Extract<Outcome, { kind: 'begun' }>

/** Tasks that begin at once: enough to hide the log's round trips. */
const GROUP = 32
/**
 * `begun` outcomes in one answer, bytes. A node has four requests out, so they stay below the 64 MiB that
 * nats-server holds back for one connection.
 */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024
/** What stands around an outcome in its message, bytes. */
const FRAME_BYTES = 1_024
/** Nothing is known to be stored; the node asks again. */
const ASK_AGAIN: Outcome = { kind: 'unavailable' }
/** The coordinator could not read the report. */
const UNREADABLE: Outcome = {
  kind: 'rejected',
  error: {
    code: 'report-invalid',
    message:
      'The coordinator could not read a report of this run. Run one release on all services.',
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
  { handle, tooLarge, payloadMax }: BatchDeps,
): Promise<void> {
  let bytes = 0
  const begin = async (at: number): Promise<void> => {
    const item = items[at]
    if (item === undefined) return
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
    // What does not fit stays "ask again": it has begun, and the repeated report is answered from the log.
    if (bytes > 0 && bytes + size > ANSWER_BYTES_MAX) return
    bytes += size
    outcomes[at] = outcome
  }
  for (let start = 0; start < begins.length && bytes < ANSWER_BYTES_MAX; start += GROUP) {
    await Promise.all(begins.slice(start, start + GROUP).map(begin))
  }
}
