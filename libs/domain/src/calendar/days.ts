import { DAY_MS } from '../durations.ts'

/** The part of a parsed cron expression that names days; the fields count from 0, and 1 means named. */
export interface CronDays {
  readonly day: readonly number[]
  readonly month: readonly number[]
  /** For each weekday from Sunday: a bit for each of its occurrences in a month, and one for the last. */
  readonly dayOfWeek: readonly number[]
  readonly lastDayOfMonth: boolean
  readonly lastWeekday: boolean
  readonly nearestWeekdays: readonly number[]
  readonly starDOM: boolean
  readonly starDOW: boolean
  /** A plus before the weekdays: the day of the month must match too. */
  readonly useAndLogic: boolean
}

const LAST_OCCURRENCE = 32
const SUNDAY = 0
const SATURDAY = 6

/** Whether the expression names this day; days count from 1 January 1970. */
export function isNamedDay(fields: CronDays, dayNumber: number): boolean {
  const date = new Date(dayNumber * DAY_MS)
  const month = date.getUTCMonth()
  if (fields.month[month] !== 1) return false
  const day = date.getUTCDate()
  const weekday = date.getUTCDay()
  const last = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate()
  const isDay = isDayOfMonth(fields, day, weekday, last)
  if (fields.starDOW) return isDay
  const isWeekday = isOccurrence(fields.dayOfWeek[weekday] ?? 0, day, last)
  // Without a plus one of the two is enough, unless every day of the month is named.
  return fields.useAndLogic || fields.starDOM ? isDay && isWeekday : isDay || isWeekday
}

function isDayOfMonth(fields: CronDays, day: number, weekday: number, last: number): boolean {
  if (fields.day[day - 1] === 1) return true
  if (fields.lastDayOfMonth && day === last) return true
  const weekdayOf = (other: number) => (((weekday + other - day) % 7) + 7) % 7
  if (fields.lastWeekday && day === nearestWeekday(last, weekdayOf(last), last)) return true
  return fields.nearestWeekdays.some((isNamed, index) => {
    const named = index + 1
    return isNamed === 1 && named <= last && day === nearestWeekday(named, weekdayOf(named), last)
  })
}

/** The weekday nearest to a day, in the same month. */
function nearestWeekday(day: number, weekday: number, last: number): number {
  if (weekday === SUNDAY) return day === last ? day - 2 : day + 1
  if (weekday === SATURDAY) return day === 1 ? day + 2 : day - 1
  return day
}

/** Whether the bits name this occurrence of its weekday in the month. */
function isOccurrence(bits: number, day: number, last: number): boolean {
  const nth = Math.ceil(day / 7)
  if ((bits & (1 << (nth - 1))) !== 0) return true
  return (bits & LAST_OCCURRENCE) !== 0 && day + 7 > last
}
