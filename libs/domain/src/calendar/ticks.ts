import { DAY_MS, HOUR_MS } from '../durations.ts'
import { isNamedDay, type CronDays } from './days.ts'
import { stretchesBetween, type ZoneOffset, type ZoneStretch } from './zone.ts'

/** A parsed cron expression. */
export interface CronFields extends CronDays {
  readonly second: readonly number[]
  readonly minute: readonly number[]
  readonly hour: readonly number[]
  /** It names one time of the day: a day without that time runs it after the gap, and no day runs it twice. */
  readonly isFixedTime: boolean
}

/** The ticks of a cron expression in its time zone. */
export interface Ticks {
  /** Returns the first tick after a time; undefined: none within a hundred years. */
  readonly after: (atMs: number) => number | undefined
  /** Returns the last tick before a time; undefined: none within a hundred years. */
  readonly before: (atMs: number) => number | undefined
}

/** 1: later, -1: earlier. */
type Direction = 1 | -1

/** Days that a search reads: 100 years. A 29 February that is a Monday comes after 40 years at the latest. */
const DAYS_MAX = 36_525
/** Milliseconds. Zones are up to 14 hours ahead of UTC, or 12 behind it; an hour is room. */
const AHEAD_MAX_MS = 15 * HOUR_MS
const BEHIND_MAX_MS = 13 * HOUR_MS

/**
 * Creates the ticks of an expression in a zone. Every search ends: it looks at each day once, and it looks for times
 * once in each stretch of a day that has one offset.
 */
export function createTicks(fields: CronFields, offsetAt: ZoneOffset): Ticks {
  const times = timesOf(fields)
  let known: { readonly day: number; readonly stretches: readonly ZoneStretch[] } | undefined

  function stretchesOf(day: number): readonly ZoneStretch[] {
    const startMs = day * DAY_MS
    const [fromMs, toMs] = [startMs - AHEAD_MAX_MS, startMs + DAY_MS + BEHIND_MAX_MS]
    if (known?.day !== day) known = { day, stretches: stretchesBetween(offsetAt, fromMs, toMs) }
    return known.stretches
  }

  function tickOf(day: number, atMs: number, direction: Direction): number | undefined {
    const stretches = stretchesOf(day)
    if (!fields.isFixedTime) return nearestTick(times, stretches, day, atMs, direction)
    const tickMs = fixedTick(times, stretches, day)
    return tickMs !== undefined && (tickMs - atMs) * direction > 0 ? tickMs : undefined
  }

  function search(atMs: number, direction: Direction): number | undefined {
    const today = Math.floor((atMs + offsetAt(atMs)) / DAY_MS)
    // Where clocks go back across midnight, two days take turns.
    const from = stretchesOf(today).length > 1 ? today - direction : today
    for (let count = 0; count <= DAYS_MAX; count += 1) {
      const day = from + count * direction
      const tickMs = isNamedDay(fields, day) ? tickOf(day, atMs, direction) : undefined
      if (tickMs === undefined) continue
      if (stretchesOf(day).length === 1 || !isNamedDay(fields, day + direction)) return tickMs
      const other = tickOf(day + direction, atMs, direction)
      return other !== undefined && (other - tickMs) * direction < 0 ? other : tickMs
    }
    return undefined
  }

  return { after: (atMs) => search(atMs, 1), before: (atMs) => search(atMs, -1) }
}

/** The hours, minutes and seconds of an expression, in both orders. */
type Times = Readonly<Record<Direction, readonly (readonly number[])[]>>

function timesOf({ hour, minute, second }: CronFields): Times {
  const named = [hour, minute, second].map((field) =>
    field.flatMap((isNamed, value) => (isNamed === 1 ? [value] : [])),
  )
  return { 1: named, [-1]: named.map((values) => values.toReversed()) }
}

/** The first time of a day in this direction, from a second of the day on. */
function timeFrom(times: Times, from: number, direction: Direction): number | undefined {
  const [hours = [], minutes = [], seconds = []] = times[direction]
  const isPast = (time: number, span: number) =>
    direction === 1 ? time + span - 1 < from : time > from
  for (const hour of hours) {
    const hourAt = hour * 3_600
    if (isPast(hourAt, 3_600)) continue
    for (const minute of minutes) {
      const minuteAt = hourAt + minute * 60
      if (isPast(minuteAt, 60)) continue
      for (const second of seconds) if (!isPast(minuteAt + second, 1)) return minuteAt + second
    }
  }
  return undefined
}

function nearestTick(
  times: Times,
  stretches: readonly ZoneStretch[],
  day: number,
  atMs: number,
  direction: Direction,
): number | undefined {
  for (const { startMs, endMs, offsetMs } of direction === 1 ? stretches : stretches.toReversed()) {
    // Milliseconds from the start of the day, as the clocks of this stretch show it.
    const zeroMs = day * DAY_MS - offsetMs
    const fromMs = Math.max(0, startMs - zeroMs, direction === 1 ? atMs + 1 - zeroMs : 0)
    const untilMs = Math.min(DAY_MS, endMs - zeroMs, direction === -1 ? atMs - zeroMs : DAY_MS)
    if (fromMs >= untilMs) continue
    const from = direction === 1 ? Math.ceil(fromMs / 1_000) : Math.ceil(untilMs / 1_000) - 1
    const time = timeFrom(times, from, direction)
    if (time === undefined) continue
    const timeMs = time * 1_000
    if (timeMs >= fromMs && timeMs < untilMs) return zeroMs + timeMs
  }
  return undefined
}

/** The one tick of a day: at the end of the gap if clocks skip it, and the first one if clocks repeat it. */
function fixedTick(times: Times, stretches: readonly ZoneStretch[], day: number) {
  const time = timeFrom(times, 0, 1)
  if (time === undefined) return undefined
  const wallMs = day * DAY_MS + time * 1_000
  for (const { startMs, endMs, offsetMs } of stretches) {
    const shownMs = startMs + offsetMs
    if (shownMs > wallMs) return Math.floor(shownMs / DAY_MS) === day ? startMs : undefined
    if (wallMs < endMs + offsetMs) return wallMs - offsetMs
  }
  return undefined
}
