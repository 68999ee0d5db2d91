import { SKEW_TOLERATED_MS } from './task/task-record.ts'

/** A question for the time of the log, as the process that asked it saw it. */
interface TimeAnswer {
  /** The wall clock of the process when the answer arrived. */
  readonly nowMs: number
  /** How long the process waited for the answer, milliseconds. */
  readonly tookMs: number
  /** The time of the log in the answer. */
  readonly logAtMs: number
}

/**
 * How far the wall clock of a process is behind the clock of the log, milliseconds: 0 if the difference is tolerated
 * or may come from the wait for the answer.
 */
export function clockOffsetMs({ nowMs, tookMs, logAtMs }: TimeAnswer): number {
  const offsetMs = logAtMs - (nowMs - tookMs / 2)
  return Math.abs(offsetMs) > SKEW_TOLERATED_MS + tookMs / 2 ? Math.round(offsetMs) : 0
}
