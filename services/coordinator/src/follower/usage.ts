import {
  tailLog,
  type Bus,
  type Logger,
  type UsageEntry,
  type UsageTotals,
} from '@agentfleet/adapters'
import { addUsage, NO_USAGE, type TaskEvent, type TaskRecord, type Usage } from '@agentfleet/domain'
import { createTaskTable } from './task-table.ts'

/**
 * Carries what tasks used to the totals: a projection of the log like the other one (L8).
 *
 * The totals say up to which log sequence they count, and take more only from a writer that knows it.
 * Invariants: entries leave in the order of the log; what others have counted meanwhile is dropped here;
 * what the totals have lost (wiped, or set back by a crash of Redis) is counted again from the log.
 */
export interface UsageCounter {
  /** Notes an event, with the record before it. */
  note(event: TaskEvent, seq: number, before: TaskRecord | undefined): void
  /** Carries what was noted to the totals; called about twice a second. */
  flush(): Promise<void>
}

interface Noted extends UsageEntry {
  readonly seq: number
}

/** Entries of one write: about 100 kB. */
const BATCH_MAX = 500
/** Counted entries that are kept before they leave the list: each entry moves once in so many. */
const COUNTED_MAX = 50_000
/** More than this, while the totals are away, is counted again from the log instead (L7). */
const NOTED_MAX = 100_000

/** Counts nothing yet; where the totals stand is found out by the first flush. */
export function createUsageCounter(deps: {
  readonly bus: Bus
  readonly totals: UsageTotals
  readonly log: Logger
}): UsageCounter {
  const { totals, log } = deps
  // Those before `head` are counted; they leave the list together, now and then.
  let noted: Noted[] = []
  let head = 0
  let position: number | undefined
  let overflowed = false

  /** Everything behind a sequence, read from the log itself. */
  const recount = async (after: number): Promise<Noted[]> => {
    const table = createTaskTable()
    const found: Noted[] = []
    const tail = tailLog(deps.bus, {
      afterSeq: 0,
      log,
      receive(tailed) {
        const { taskId, event, seq } = tailed
        const before = table.get(taskId)
        if (table.apply(tailed) === undefined || seq <= after) return
        const entry = entryOf(event, before)
        if (entry !== undefined) found.push({ ...entry, seq })
      },
    })
    try {
      await tail.caughtUp()
    } finally {
      await tail.close()
    }
    return found
  }
  /** Where the totals stand, with everything behind that in `noted`. */
  const settle = async (at: number): Promise<number> => {
    if (overflowed || (position !== undefined && at < position)) {
      log.warn({ at, position }, 'usage is counted again from the log')
      overflowed = false
      const seen = await recount(at).catch((error: unknown) => {
        overflowed = true
        throw error
      })
      const last = seen.at(-1)?.seq ?? at
      noted = [...seen, ...noted.slice(head).filter(({ seq }) => seq > last)]
      head = 0
    }
    while (head < noted.length && noted[head]!.seq <= at) head += 1
    if (head >= COUNTED_MAX || head === noted.length) {
      noted = noted.slice(head)
      head = 0
    }
    position = at
    return at
  }

  return {
    note(event, seq, before) {
      const entry = entryOf(event, before)
      if (entry === undefined || (position !== undefined && seq <= position)) return
      if (noted.length - head >= NOTED_MAX) {
        overflowed = true
        noted = []
        head = 0
      }
      noted.push({ ...entry, seq })
    },
    async flush() {
      // Also with nothing to carry: a store that was emptied is noticed by where it stands.
      let at = await settle(await totals.position())
      while (noted.length > head) {
        const batch = noted.slice(head, head + BATCH_MAX)
        const to = batch.at(-1)?.seq ?? at
        const now = await totals.add(at, to, batch)
        // Somebody else was faster: what they have counted is dropped here.
        at = await settle(now)
      }
    },
  }
}

/** What an event adds to what its task has used. */
function entryOf(event: TaskEvent, before: TaskRecord | undefined): UsageEntry | undefined {
  if (before === undefined) return undefined
  const { tenant, spec } = before
  const base = { tenant, atMs: event.atMs }
  if (event.type === 'call-finished') {
    const { usage, by, name } = event.call
    if (event.call.kind !== 'llm' || isNothing(usage)) return undefined
    return { ...base, model: by?.model ?? name, provider: by?.provider ?? 'unknown', usage }
  }
  if (event.type !== 'completed') return undefined
  // The last call has no event of its own: it is what the whole has more than the calls before it.
  const usage = lessUsage(event.usage, before.usage)
  if (isNothing(usage)) return undefined
  const { by } = event
  return { ...base, model: by?.model ?? spec.model, provider: by?.provider ?? 'unknown', usage }
}

function lessUsage(all: Usage, before: Usage): Usage {
  const less = (a: number, b: number): number => Math.max(0, a - b)
  const rest = {
    inputTokens: less(all.inputTokens, before.inputTokens),
    outputTokens: less(all.outputTokens, before.outputTokens),
    llmCalls: less(all.llmCalls, before.llmCalls),
  }
  if (all.costUsd === undefined) return rest
  return addUsage(rest, { ...NO_USAGE, costUsd: less(all.costUsd, before.costUsd ?? 0) })
}

function isNothing({ inputTokens, outputTokens, llmCalls }: Usage): boolean {
  return inputTokens + outputTokens + llmCalls === 0
}
