import type { Json } from './values.ts'
import type { TaskSpec } from './spec.ts'

/** A task that is submitted repeatedly, by its cron expression. */
export interface Schedule {
  readonly cron: string
  /** IANA name of the time zone of the expression. */
  readonly timeZone: string
  /** `skip`: no new task while the last one has not ended. */
  readonly overlap: 'allow' | 'skip'
  readonly paused: boolean
  readonly spec: TaskSpec
  /** The task in the form of the request, for readers of the schedule. */
  readonly request: Json
  readonly atMs: number
}

/** The last handled tick. */
export interface ScheduleRun {
  readonly tickMs: number
  /** The last task that was submitted; absent: every tick so far was skipped. */
  readonly taskId?: string
  readonly skipped: boolean
  /** The task of the tick is about to be stored; it may be missing. */
  readonly pending?: true
  readonly atMs: number
}

/** A run that a client asked for; it changes nothing about the ticks. */
export interface ManualRun {
  readonly atMs: number
  readonly taskId: string
  /** The key that asked; absent on a gateway without keys. */
  readonly by?: string
}

/** Runs that are kept of one schedule. */
export const MANUAL_RUNS_MAX = 10

/** Adds a run to the newest ones, newest first; a repeated request adds nothing. */
export function withManualRun(runs: readonly ManualRun[], run: ManualRun): readonly ManualRun[] {
  if (runs.some(({ taskId }) => taskId === run.taskId)) return runs
  return [run, ...runs].slice(0, MANUAL_RUNS_MAX)
}

/** A run of a schedule as people read it. */
interface ShownRun {
  readonly at: string
  readonly taskId?: string | undefined
  readonly by?: string | undefined
}

/** Puts the ticks of a schedule and the runs that clients asked for into one list, newest first; `by` says who began each. */
export function pastRuns<T extends ShownRun, M extends ShownRun>({
  last,
  manual,
}: {
  readonly last: readonly T[]
  readonly manual: readonly M[]
}): readonly ((T | M) & { readonly by: string })[] {
  const ticks = last.map((tick) => ({ ...tick, by: BY_TICK }))
  const asked = manual.map((run) => ({ ...run, by: run.by ?? 'a client' }))
  return [...ticks, ...asked].toSorted((a, b) => (a.at < b.at ? 1 : -1))
}

/** In place of a key: the schedule itself submits the task of a tick. */
export const BY_TICK = 'the schedule'

type TickDecision =
  | { readonly kind: 'wait'; readonly untilMs: number; readonly reason: 'not-due' }
  | { readonly kind: 'rest'; readonly reason: 'paused' | 'no-further-tick' }
  | {
      readonly kind: 'submit'
      readonly tickMs: number
      readonly reason: 'due' | 'catch-up' | 'pending'
    }
  | { readonly kind: 'skip'; readonly tickMs: number; readonly reason: 'overlap' }

/** Milliseconds. A tick that is later than this counts as missed; the coordinator then submits its task late. */
const MISSED_AFTER_MS = 5_000
/** Ticks examined to find the last missed one: more than a day of minutes. */
const MISSED_MAX = 2_000

/**
 * Whether a tick is due. Of several missed ticks only the last one is made up for. `nextAfter` returns the
 * first tick after a given time; `lastOpen`: the last task has not ended. A pending tick comes first: its task
 * may run already, so a later tick would overlap with it.
 */
export function decideTick(
  schedule: Pick<Schedule, 'overlap' | 'paused' | 'atMs'>,
  last: ScheduleRun | undefined,
  nextAfter: (atMs: number) => number | undefined,
  lastOpen: boolean,
  nowMs: number,
): TickDecision {
  if (schedule.paused) return { kind: 'rest', reason: 'paused' }
  // A tick of an earlier definition of the schedule is over.
  if (last?.pending === true && last.tickMs > schedule.atMs) {
    return { kind: 'submit', tickMs: last.tickMs, reason: 'pending' }
  }
  let tickMs = nextAfter(Math.max(schedule.atMs, last?.tickMs ?? 0))
  if (tickMs === undefined) return { kind: 'rest', reason: 'no-further-tick' }
  if (tickMs > nowMs) return { kind: 'wait', untilMs: tickMs, reason: 'not-due' }
  for (let count = 0; ; count += 1) {
    // So many were missed that the search for the last one goes back from now.
    const from = count >= MISSED_MAX ? Math.max(tickMs, nowMs - MISSED_AFTER_MS) : tickMs
    const next = nextAfter(from)
    if (next === undefined || next > nowMs) break
    tickMs = next
  }
  if (lastOpen && schedule.overlap === 'skip') return { kind: 'skip', tickMs, reason: 'overlap' }
  const reason = nowMs - tickMs > MISSED_AFTER_MS ? 'catch-up' : 'due'
  return { kind: 'submit', tickMs, reason }
}
