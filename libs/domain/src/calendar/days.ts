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
const FEBRUARY = 1
/** Days of each month of an ordinary year. */
const LONGEST = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const
const SUNDAY = 0
const SATURDAY = 6

/** Whether the expression names this day; days count from 1 January 1970. */
export function isNamedDay(fields: CronDays, dayNumber: number): boolean {
  const { year, month, day } = dateOf(dayNumber)
  if (fields.month[month] !== 1) return false
  // 1 January 1970 was a Thursday.
  const weekday = (((dayNumber + 4) % 7) + 7) % 7
  const last = month === FEBRUARY && isLeap(year) ? 29 : (LONGEST[month] ?? 0)
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

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

/** Days of the 400 years after which the calendar repeats, and of their parts that begin on 1 March. */
const CYCLE_DAYS = 146_097
const CENTURY_DAYS = 36_524
const FOUR_YEARS_DAYS = 1_461
const YEAR_DAYS = 365
/** Days from 1 March of the year 0 to 1 January 1970. */
const EPOCH_DAYS = 719_468
/** Days from March to July, and from August to December: months of 31, 30, 31, 30, 31 days. */
const FIVE_MONTHS_DAYS = 153

/** The date of a day in the Gregorian calendar; the month counts from 0. Years begin in March here, so that a leap day is their last. */
function dateOf(dayNumber: number) {
  const days = dayNumber + EPOCH_DAYS
  const cycle = Math.floor(days / CYCLE_DAYS)
  const inCycle = days - cycle * CYCLE_DAYS
  const leapDays =
    Math.floor(inCycle / (FOUR_YEARS_DAYS - 1)) -
    Math.floor(inCycle / CENTURY_DAYS) +
    Math.floor(inCycle / (CYCLE_DAYS - 1))
  const years = Math.floor((inCycle - leapDays) / YEAR_DAYS)
  const inYear = inCycle - (YEAR_DAYS * years + Math.floor(years / 4) - Math.floor(years / 100))
  const fromMarch = Math.floor((5 * inYear + 2) / FIVE_MONTHS_DAYS)
  const day = inYear - Math.floor((FIVE_MONTHS_DAYS * fromMarch + 2) / 5) + 1
  const month = (fromMarch + 2) % 12
  return { year: cycle * 400 + years + (month < 2 ? 1 : 0), month, day }
}
