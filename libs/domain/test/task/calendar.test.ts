import { expect, test } from 'vitest'
import { isOutsideCalendar } from '../../src/index.ts'

test.each([
  '0 0 30 2 *',
  '0 0 0 30 2 *',
  '0 0 31 4,6,9,11 *',
  '0 0 30-31 FEB ?',
  '0 0 30W 2 *',
  '0 0 31 nov +MON',
  '0 0 30 2-2 *',
])(
  'the cron expression %s is reported because its days do not exist in any of its months',
  (expression) => {
    expect(isOutsideCalendar(expression)).toBe(true)
  },
)

test.each([
  '0 0 29 2 *',
  '0 0 30 2 MON',
  '0 0 31 2,3 *',
  '0 0 31 FEB-MAR *',
  '0 0 L 2 *',
  '0 0 1,31 2 *',
  '0 0 */2 2 *',
  '* * * * *',
  '@daily',
  'nonsense',
  '',
])('the cron expression %s is accepted, because some of its dates exist', (expression) => {
  expect(isOutsideCalendar(expression)).toBe(false)
})
