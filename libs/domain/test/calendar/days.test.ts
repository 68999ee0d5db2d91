import { expect, test } from 'vitest'
import { isNamedDay } from '../../src/calendar/days.ts'

const NONE = {
  day: Array<number>(31).fill(0),
  month: Array<number>(12).fill(0),
  dayOfWeek: Array<number>(7).fill(63),
  lastDayOfMonth: false,
  lastWeekday: false,
  nearestWeekdays: Array<number>(31).fill(0),
  starDOM: false,
  starDOW: false,
  useAndLogic: true,
}
const naming = (index: number, length: number) =>
  Array.from({ length }, (_, at) => (at === index ? 1 : 0))

test('every day of a thousand years has the date and the weekday of the calendar', () => {
  const first = Date.UTC(1500, 0, 1) / 86_400_000
  for (let dayNumber = first; dayNumber < first + 365_250; dayNumber += 1) {
    const date = new Date(dayNumber * 86_400_000)
    const day = naming(date.getUTCDate() - 1, 31)
    const month = naming(date.getUTCMonth(), 12)
    const dayOfWeek = naming(date.getUTCDay(), 7).map((isNamed) => isNamed * 63)
    if (!isNamedDay({ ...NONE, day, month, dayOfWeek }, dayNumber)) {
      expect.fail(`the date of ${date.toISOString()} is wrong`)
    }
  }
})

test('the last day of February depends on the year', () => {
  const last = { ...NONE, month: naming(1, 12), lastDayOfMonth: true, starDOW: true }
  for (const date of ['1900-02-28', '2000-02-29', '2026-02-28', '2028-02-29', '2100-02-28']) {
    expect(isNamedDay(last, Date.parse(date) / 86_400_000)).toBe(true)
    expect(isNamedDay(last, Date.parse(date) / 86_400_000 - 1)).toBe(false)
  }
})
