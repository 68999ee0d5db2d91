import type { Json } from './values.ts'
import type { TaskSpec } from './spec.ts'

/** A task that is submitted again and again, as its cron expression says. */
export interface Schedule {
  readonly cron: string
  /** IANA name of the time zone that the expression is read in. */
  readonly timeZone: string
  /** `skip`: no new task while the last one has not ended. */
  readonly overlap: 'allow' | 'skip'
  readonly paused: boolean
  readonly spec: TaskSpec
  /** The task as it was asked for, for whoever reads the schedule. */
  readonly request: Json
  readonly atMs: number
}

/** The last tick that was dealt with. */
export interface ScheduleRun {
  readonly tickMs: number
  /** The last task that was submitted; absent: every tick so far was skipped. */
  readonly taskId?: string
  readonly skipped: boolean
  readonly atMs: number
}

/** What a schedule needs now. */
export type TickDecision =
  | { readonly kind: 'wait'; readonly untilMs: number; readonly reason: 'not-due' }
  | { readonly kind: 'rest'; readonly reason: 'paused' | 'no-further-tick' }
  | { readonly kind: 'submit'; readonly tickMs: number; readonly reason: 'due' | 'catch-up' }
  | { readonly kind: 'skip'; readonly tickMs: number; readonly reason: 'overlap' }

/** A tick that is later than this was missed, and is caught up with, milliseconds. */
const MISSED_AFTER_MS = 5_000
/** Ticks looked through for the last missed one: more than a day of minutes. */
const MISSED_MAX = 2_000

/**
 * Whether a tick is due. Of several that were missed only the last one is made up for. `nextAfter`
 * tells the first tick behind an instant; `lastOpen`: the last task has not ended.
 */
export function decideTick(
  schedule: Pick<Schedule, 'overlap' | 'paused' | 'atMs'>,
  last: ScheduleRun | undefined,
  nextAfter: (atMs: number) => number | undefined,
  lastOpen: boolean,
  nowMs: number,
): TickDecision {
  if (schedule.paused) return { kind: 'rest', reason: 'paused' }
  let tickMs = nextAfter(Math.max(schedule.atMs, last?.tickMs ?? 0))
  if (tickMs === undefined) return { kind: 'rest', reason: 'no-further-tick' }
  if (tickMs > nowMs) return { kind: 'wait', untilMs: tickMs, reason: 'not-due' }
  for (let count = 0; ; count += 1) {
    // So many were missed that the last one is found by going back from now.
    const from = count >= MISSED_MAX ? Math.max(tickMs, nowMs - MISSED_AFTER_MS) : tickMs
    const next = nextAfter(from)
    if (next === undefined || next > nowMs) break
    tickMs = next
  }
  if (lastOpen && schedule.overlap === 'skip') return { kind: 'skip', tickMs, reason: 'overlap' }
  const reason = nowMs - tickMs > MISSED_AFTER_MS ? 'catch-up' : 'due'
  return { kind: 'submit', tickMs, reason }
}
