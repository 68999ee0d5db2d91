/** The longest that each month can be, days. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const
const NAMES = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
/** A day, a range of them, the weekday next to one, each with a step or without. */
const DAYS = /^(\d{1,2})(?:W|-\d{1,2})?(?:\/\d+)?$/
const MONTHS = /^([A-Z]{3}|\d{1,2})(?:-([A-Z]{3}|\d{1,2}))?(?:\/\d+)?$/

/**
 * Whether a cron expression names days that its months never have, such as 30 February: to search the
 * calendar for them costs many milliseconds. False where this cannot be told by the expression alone.
 */
export function isOutsideCalendar(expression: string): boolean {
  const [days = '', months = '', weekdays = ''] = expression.trim().split(/\s+/).slice(-3)
  // A day of the month *or* a weekday is enough, unless a plus asks for both.
  if (weekdays !== '*' && weekdays !== '?' && !weekdays.startsWith('+')) return false
  const earliest = days.split(',').map((each) => Number(DAYS.exec(each)?.[1] ?? 0))
  const longest = months.split(',').map(longestOf)
  return Math.min(...earliest) > Math.max(...longest)
}

/** The most days of a month in this part; all of 31 where it cannot be read. */
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
