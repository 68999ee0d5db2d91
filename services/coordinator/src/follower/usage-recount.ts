import { tailLog, type UsageTotals } from '@agentfleet/adapters'
import type { PartDeps } from '../deps.ts'
import { createTaskTable } from './task-table.ts'
import { entryOf, type NotedUsage } from './usage-entries.ts'

/** What counting usage again needs. */
export interface RecountDeps extends Pick<PartDeps, 'bus' | 'log' | 'metadataKeys'> {
  readonly totals: UsageTotals
  /** The tenants that share the names in the totals of the fleet. */
  readonly tenants?: () => number
  /** Entries that are read from the log before they are written. */
  readonly pageMax?: number
}

/** Entries of one write: about 100 kB. */
export const BATCH_MAX = 500
/** Entries of one page of the log: a log of a million tasks has some million entries. */
const PAGE_MAX = 10_000
/** Counts the usage after a sequence from the log, page by page; returns the position of the totals. */
export async function recount(deps: RecountDeps, from: number): Promise<number> {
  const { log, metadataKeys, pageMax = PAGE_MAX } = deps
  const table = createTaskTable()
  let page: NotedUsage[] = []
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
    at = await addAll(deps, at, full)
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

/** Adds entries to the totals behind this position; returns the position to which the totals count then. */
async function addAll(
  { totals, tenants }: RecountDeps,
  from: number,
  entries: readonly NotedUsage[],
): Promise<number> {
  let at = from
  for (let start = 0; start < entries.length; start += BATCH_MAX) {
    const batch = entries.slice(start, start + BATCH_MAX).filter(({ seq }) => seq > at)
    const to = batch.at(-1)?.seq ?? at
    const now = await totals.add(at, to, batch, tenants?.())
    if (now < at) throw new Error('Redis lost counts of usage again')
    at = now
  }
  return at
}
