import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../durations.ts'
import { UNKNOWN } from './figures.ts'

/** How the page and the command line write the distance of a time from now, so that both write it in the same way. */

/** Writes how old something is, roughly: `12 s`, `3 m`; `0 s` if its time is still to come. */
export function age(sinceMs: number | undefined, nowMs: number): string {
  const ms = distance(sinceMs, nowMs)
  return ms === undefined ? UNKNOWN : rough(Math.max(0, ms))
}

/** Writes how long ago a time was, roughly: `now`, `12 s ago`, `in 3 m`. */
export function ago(atMs: number | undefined, nowMs: number): string {
  const ms = distance(atMs, nowMs)
  if (ms === undefined) return UNKNOWN
  const size = Math.abs(ms)
  if (size < SECOND_MS) return 'now'
  return ms > 0 ? `${rough(size)} ago` : `in ${rough(size)}`
}

function distance(atMs: number | undefined, nowMs: number): number | undefined {
  return atMs === undefined || !Number.isFinite(atMs) ? undefined : nowMs - atMs
}

function rough(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} m`
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h`
  return `${Math.floor(ms / DAY_MS)} d`
}
