import {
  tailLog,
  type Bus,
  type Logger,
  type UsageEntry,
  type UsageTotals,
} from '@agentfleet/adapters'
import {
  countedValues,
  lessUsage,
  type TaskEvent,
  type TaskRecord,
  type Usage,
} from '@agentfleet/domain'
import { createTaskTable } from './task-table.ts'

/**
 * Adds the usage of tasks to the totals: a second projection of the log (L8).
 *
 * The totals store the log sequence up to which they count, and accept additions only from a writer that names
 * it. Invariants: entries leave in log order; entries that another coordinator has counted are dropped; if the
 * totals lose counts (Redis was emptied or restored to an older state), the log is counted again.
 */
interface UsageCounter {
  /** Records an event together with the record before it. */
  note(event: TaskEvent, seq: number, before: TaskRecord | undefined): void
  /** Returns about how many bytes the recorded usage takes that waits for Redis. */
  waitingBytes(): number
  /** Writes the recorded usage to the totals; called about twice a second. */
  flush(): Promise<void>
}

interface Noted extends UsageEntry {
  readonly seq: number
}

/** Entries of one write: about 100 kB. */
const BATCH_MAX = 500
/** Entries of one page of the log: a log of a million tasks has some million entries. */
const PAGE_MAX = 10_000
/** Counted entries that stay in the list before it is compacted, so each entry moves rarely. */
const COUNTED_MAX = 10_000
/**
 * If the entries that wait while the totals are unavailable take more, they are dropped and counted from the log
 * later (L7), bytes.
 */
export const NOTED_MAX_BYTES = 32 * 1024 * 1024
/** An entry without its names, in memory, bytes. */
const ENTRY_BYTES = 256

/** Creates a counter; its first flush reads the position of the totals. */
export function createUsageCounter(deps: {
  readonly bus: Bus
  readonly totals: UsageTotals
  readonly log: Logger
  /** The metadata keys by which usage is counted. */
  readonly metadataKeys: readonly string[]
  /** Entries that are read from the log before they are written. */
  readonly pageMax?: number
}): UsageCounter {
  const { totals, log, metadataKeys, pageMax = PAGE_MAX } = deps
  // Entries before `head` are counted; they leave the list together from time to time.
  let noted: Noted[] = []
  let head = 0
  let position: number | undefined
  let notedBytes = 0
  let overflowed = false

  /** Adds entries to the totals behind this position; returns the position to which the totals count then. */
  const addAll = async (from: number, entries: readonly Noted[]): Promise<number> => {
    let at = from
    for (let start = 0; start < entries.length; start += BATCH_MAX) {
      const batch = entries.slice(start, start + BATCH_MAX).filter(({ seq }) => seq > at)
      const to = batch.at(-1)?.seq ?? at
      const now = await totals.add(at, to, batch)
      if (now < at) throw new Error('Redis lost counts of usage again')
      at = now
    }
    return at
  }
  /** Counts the usage after a sequence from the log, page by page; returns the position of the totals. */
  const recount = async (from: number): Promise<number> => {
    const table = createTaskTable()
    let page: Noted[] = []
    let turn: () => void = () => undefined
    const tail = tailLog(deps.bus, {
      afterSeq: 0,
      log,
      hasRoom: () => page.length < pageMax,
      receive(tailed) {
        const { taskId, event, seq } = tailed
        const before = table.get(taskId)
        if (table.apply(tailed) === undefined || seq <= from) return
        const entry = entryOf(event, before, metadataKeys)
        if (entry === undefined) return
        page.push({ seq, ...entry })
        if (page.length >= pageMax) turn()
      },
    })
    let at = from
    const count = async (): Promise<void> => {
      const full = page
      page = []
      at = await addAll(at, full)
      tail.poke()
    }
    try {
      const end = tail.caughtUp().then(() => true)
      end.catch(() => undefined)
      for (;;) {
        const full = new Promise<boolean>((resolve) => (turn = () => resolve(false)))
        if (page.length >= pageMax) turn()
        const atEnd = await Promise.race([end, full])
        await count()
        if (atEnd) return at
      }
    } finally {
      await tail.close()
    }
  }
  /** Drops what the totals count already, after they count all that they lost; returns their position. */
  const settle = async (found: number): Promise<number> => {
    let at = found
    if (overflowed || (position !== undefined && at < position)) {
      log.warn(
        { at, position },
        'Redis lost counts of usage; the coordinator counts usage again from the log',
      )
      overflowed = false
      at = await recount(at).catch((error: unknown) => {
        overflowed = true
        throw error
      })
    }
    while (head < noted.length && noted[head]!.seq <= at) {
      notedBytes -= bytesOf(noted[head]!)
      head += 1
    }
    if (head >= COUNTED_MAX || head === noted.length) {
      noted = noted.slice(head)
      head = 0
    }
    position = at
    return at
  }

  return {
    note(event, seq, before) {
      const entry = entryOf(event, before, metadataKeys)
      if (entry === undefined || (position !== undefined && seq <= position)) return
      const bytes = bytesOf(entry)
      if (notedBytes + bytes > NOTED_MAX_BYTES) {
        overflowed = true
        noted = []
        head = 0
        notedBytes = 0
      }
      noted.push({ seq, ...entry })
      notedBytes += bytes
    },
    waitingBytes: () => notedBytes,
    async flush() {
      // Runs even with nothing to write, because the position reveals that Redis was emptied.
      let at = await settle(await totals.position())
      while (noted.length > head) {
        const batch = noted.slice(head, head + BATCH_MAX)
        const to = batch.at(-1)?.seq ?? at
        const now = await totals.add(at, to, batch)
        // Another coordinator has counted these entries; they are dropped here.
        at = await settle(now)
      }
      // Until this note moves, nothing that a tenant's budget has set aside expires.
      await totals.followed()
    },
  }
}

/** A character of a name takes up to two bytes in memory. */
function bytesOf({ tenant, model, provider, values = [] }: UsageEntry): number {
  const valueChars = values.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  return (
    ENTRY_BYTES * (1 + values.length) +
    2 * (tenant.length + model.length + provider.length + valueChars)
  )
}

/** Returns what an event adds to the usage of its task. */
function entryOf(
  event: TaskEvent,
  before: TaskRecord | undefined,
  metadataKeys: readonly string[],
): UsageEntry | undefined {
  if (before === undefined) return undefined
  const { tenant, spec } = before
  const values = countedValues(spec, metadataKeys)
  const { atMs } = event
  if (event.type === 'call-finished') {
    const { usage, by, name } = event.call
    if (event.call.kind !== 'llm' || isNothing(usage)) return undefined
    const model = by?.model ?? name
    const provider = by?.provider ?? 'unknown'
    return { tenant, atMs, model, provider, agent: spec.agent, values, usage }
  }
  if (event.type !== 'completed') return undefined
  // The last call has no event; its usage is the total minus that of the earlier calls.
  const usage = lessUsage(event.usage, before.usage)
  if (isNothing(usage)) return undefined
  const { by } = event
  return {
    tenant,
    atMs,
    model: by?.model ?? spec.model,
    provider: by?.provider ?? 'unknown',
    agent: spec.agent,
    values,
    usage,
  }
}

function isNothing({ inputTokens, outputTokens, llmCalls }: Usage): boolean {
  return inputTokens + outputTokens + llmCalls === 0
}
