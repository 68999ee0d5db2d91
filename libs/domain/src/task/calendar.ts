/** Most days of each month. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const
const NAMES = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
/** A day, a range of days, or the weekday nearest to a day, each with a step or without. */
const DAYS = /^(\d{1,2})(?:W|-\d{1,2})?(?:\/\d+)?$/
const MONTHS = /^([A-Z]{3}|\d{1,2})(?:-([A-Z]{3}|\d{1,2}))?(?:\/\d+)?$/

/**
 * Whether a cron expression names days that its months never have, such as 30 February: a search of the
 * calendar for them takes many milliseconds. False when the expression alone does not show it.
 */
export function isOutsideCalendar(expression: string): boolean {
  const [days = '', months = '', weekdays = ''] = expression.trim().split(/\s+/).slice(-3)
  // A day of the month *or* a weekday is enough, unless a plus asks for both.
  if (weekdays !== '*' && weekdays !== '?' && !weekdays.startsWith('+')) return false
  const earliest = days.split(',').map((each) => Number(DAYS.exec(each)?.[1] ?? 0))
  const longest = months.split(',').map(longestOf)
  return Math.min(...earliest) > Math.max(...longest)
}

/** The latest day of a month in this part; 31 where it is unreadable. */
function longestOf(part: string): number {
  const [, first, last = first] = MONTHS.exec(part.toUpperCase()) ?? []
  if (first === undefined || last === undefined) return 31
  const from = monthOf(first)
  const to = monthOf(last)
  const within = LONGEST.filter((_days, index) => index + 1 >= from && index + 1 <= to)
  return within.length === 0 ? 31 : Math.max(...within)
}

function monthOf(text: string): number {
  return NAMES.includes(text) ? NAMES.indexOf(text) + 1 : Number(text)
}
