import { keptByEach } from '@agentfleet/domain'

/** The ended tasks that the log keeps. */
export type EndedTasks = ReturnType<typeof createEndedTasks>

/** How long, and how many, ended tasks are kept. */
export interface Retention {
  readonly retentionMs: number
  /** The most ended tasks to keep. */
  readonly retentionTasks: number
  /** Milliseconds for which an ended task is kept, however many end. */
  readonly keptAtLeastMs: number
}

/** The end of one task. */
interface TaskEnd {
  readonly atMs: number
  readonly seq: number
  /** The first sequence of the task. */
  readonly neededFrom: number
  /** Bytes of all its events. */
  readonly bytes: number
}

/** Receives the tasks of a tenant that expire together. */
type ReportExpired = (tenant: string, tasks: Readonly<Pick<Mark, 'ended' | 'bytes'>>) => void

/** Ends that expire together. */
interface Mark {
  readonly fromMs: number
  toMs: number
  readonly fromSeq: number
  toSeq: number
  neededFrom: number
  ended: number
  bytes: number
}

interface TenantEnds {
  marks: Mark[]
  ended: number
  /** The newest end that expired early. */
  cutMs: number
}

/** Milliseconds of one mark; a task leaves at most this much late. */
const MARK_MS = 1_000
/** One mark holds at most this part of the places, so that a tenant keeps hardly more than its part. */
const MARK_SHARE = 1 / 256
/** Marks of all tenants, about 10 MB; beyond it neighbours are merged. */
const MARKS_MAX = 100_000
/** A merged mark covers at most this part of its age, so that old tasks leave at most so much late. */
const FINENESS = 128
/** From this part of the places on, another coordinator may have found too many ended tasks. */
const NEARLY_FULL = 0.5

/**
 * The ended tasks that the log keeps, by tenant and in the order of their ends; at first there are none.
 *
 * A task expires when the retention time is over, or earlier if all tenants together have more ended tasks than
 * the fleet keeps and its tenant has more than its part (`keptByEach`), but not before `keptAtLeastMs`.
 * Invariants: a task never expires early because another tenant ended many; within a tenant the oldest expire
 * first; what has expired stays expired. Neighbours are kept as one mark that expires as a whole, so the memory
 * does not grow with the tasks (L7).
 */
export function createEndedTasks(retention: Retention, marksMax = MARKS_MAX) {
  const { retentionMs, retentionTasks, keptAtLeastMs } = retention
  const markTasks = Math.max(1, retentionTasks * MARK_SHARE)
  const tenants = new Map<string, TenantEnds>()
  let ended = 0
  let marks = 0
  let thinAt = marksMax
  let byTimeMs = -Infinity
  let expiredSeq: number | undefined

  const thin = (nowMs: number): void => {
    marks = mergeAll(tenants.values(), marks, marksMax / 2, nowMs)
    // Each tenant has at least one.
    thinAt = Math.max(marksMax, 2 * marks)
  }

  /** Takes out the oldest marks while this holds for them. */
  const drop = (
    tenant: string,
    ends: TenantEnds,
    goes: (mark: Mark) => boolean,
    report: ReportExpired,
  ): Mark | undefined => {
    let count = 0
    for (; count < ends.marks.length && goes(ends.marks[count]!); count += 1) {
      const mark = ends.marks[count]!
      ends.ended -= mark.ended
      ended -= mark.ended
      expiredSeq = Math.max(expiredSeq ?? 0, mark.toSeq)
      report(tenant, mark)
    }
    marks -= count
    return ends.marks.splice(0, count).at(-1)
  }

  return {
    /** Records that a task has ended; ends come in the order of the log. */
    note(tenant: string, end: TaskEnd): void {
      const ends = tenants.get(tenant) ?? { marks: [], ended: 0, cutMs: -Infinity }
      if (ends.ended === 0) tenants.set(tenant, ends)
      ends.ended += 1
      ended += 1
      if (join(ends.marks.at(-1), end, markTasks)) return
      ends.marks.push(markOf(end))
      marks += 1
      if (marks > thinAt) thin(end.atMs)
    },
    /** Lets expire what is due, and reports it by tenant. */
    expire(nowMs: number, report: ReportExpired): void {
      byTimeMs = Math.max(byTimeMs, nowMs - retentionMs)
      for (const [tenant, ends] of tenants) {
        drop(tenant, ends, ({ toMs }) => toMs <= byTimeMs, report)
        if (ends.marks.length === 0 && ends.cutMs <= byTimeMs) tenants.delete(tenant)
      }
      if (ended <= retentionTasks) return
      const counts = [...tenants.values()].map((each) => each.ended)
      const most = keptByEach(counts, retentionTasks)
      const leastMs = nowMs - keptAtLeastMs
      for (const [tenant, ends] of tenants) {
        // A tenant never loses a place of its part.
        const goes = (mark: Mark) => ends.ended - mark.ended >= most && mark.toMs <= leastMs
        const last = drop(tenant, ends, goes, report)
        if (last !== undefined) ends.cutMs = Math.max(ends.cutMs, last.toMs)
      }
    },
    /** Tasks of any tenant that ended at this time or before have expired. */
    expiredMs: () => byTimeMs,
    /** Tasks of this tenant that ended at this time or before have expired. */
    expiredMsOf: (tenant: string) => Math.max(byTimeMs, tenants.get(tenant)?.cutMs ?? -Infinity),
    /** Whether tasks of this tenant have expired before the retention time. */
    expiredEarly: (tenant: string) => (tenants.get(tenant)?.cutMs ?? -Infinity) > byTimeMs,
    /** Tasks that began at this time or later cannot have expired, whatever another coordinator has counted. */
    certainlyKeptMs: (nowMs: number) =>
      nowMs - (ended > NEARLY_FULL * retentionTasks ? keptAtLeastMs : retentionMs),
    /** Whether a task of this tenant with its end at this sequence has expired; it has been noted. */
    isExpired(tenant: string, endSeq: number): boolean {
      const oldest = tenants.get(tenant)?.marks[0]
      return oldest === undefined || endSeq < oldest.fromSeq
    },
    /** Returns the sequence of the last end that has expired; undefined: none has. */
    expiredSeq: () => expiredSeq,
    /** Returns the oldest sequence that a kept task needs; Infinity: none is kept. */
    neededFrom: () => neededFrom(tenants.values()),
  }
}

function neededFrom(tenants: Iterable<TenantEnds>): number {
  let least = Infinity
  for (const { marks } of tenants)
    for (const mark of marks) least = Math.min(least, mark.neededFrom)
  return least
}

/** Adds an end to the newest mark if it may stand for it; returns whether it did. */
function join(last: Mark | undefined, end: TaskEnd, markTasks: number): boolean {
  if (last === undefined || end.atMs - last.fromMs >= MARK_MS || last.ended >= markTasks)
    return false
  last.toMs = Math.max(last.toMs, end.atMs)
  last.toSeq = end.seq
  last.neededFrom = Math.min(last.neededFrom, end.neededFrom)
  last.ended += 1
  last.bytes += end.bytes
  return true
}

function markOf({ atMs, seq, neededFrom, bytes }: TaskEnd): Mark {
  return { fromMs: atMs, toMs: atMs, fromSeq: seq, toSeq: seq, neededFrom, ended: 1, bytes }
}

/** Merges marks until there are at most `most`, the oldest most; returns how many there are. */
function mergeAll(
  tenants: Iterable<TenantEnds>,
  count: number,
  most: number,
  nowMs: number,
): number {
  let marks = count
  const all = [...tenants]
  for (let fineness = FINENESS; fineness >= 1 && marks > most; fineness /= 2) {
    for (const each of all) each.marks = merged(each.marks, nowMs, fineness)
    marks = all.reduce((sum, each) => sum + each.marks.length, 0)
  }
  return marks
}

/** Merges neighbours as long as a mark covers only a small part of its age. */
function merged(marks: readonly Mark[], nowMs: number, fineness: number): Mark[] {
  const list: Mark[] = []
  for (const mark of marks) {
    const last = list.at(-1)
    const spanMs = mark.toMs - (last?.fromMs ?? -Infinity)
    if (last === undefined || spanMs * fineness > nowMs - mark.toMs) {
      list.push({ ...mark })
      continue
    }
    last.toMs = Math.max(last.toMs, mark.toMs)
    last.toSeq = mark.toSeq
    last.neededFrom = Math.min(last.neededFrom, mark.neededFrom)
    last.ended += mark.ended
    last.bytes += mark.bytes
  }
  return list
}
