import { createTicks, createZones } from '@agentfleet/domain'
import { Cron, CronPattern } from 'croner'
import { constantFrom, integer, oneof, property, assert as check, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import { createCronTicks } from '../../src/schedules/cron.ts'

const cronTicks = createCronTicks()
const zones = createZones()

const YEAR_MS = 366 * 86_400_000
const NOW_MS = Date.UTC(2026, 10, 30)
/** Milliseconds of processor time, which other processes do not add to; a search takes about a tenth of it. */
const SEARCH_MAX_MS = 250

const second = constantFrom('0', '59', '5,30', '*', '*/20')
const minute = oneof(
  constantFrom('0', '30', '*', '*/15', '1,59'),
  integer({ min: 0, max: 59 }).map(String),
)
const hour = constantFrom('0', '1', '2', '3', '1-2', '23', '*', '*/6', '0,2')
const day = constantFrom(
  '*',
  '1',
  '15',
  '31',
  '29',
  '8-14',
  '25-31',
  'L',
  'LW',
  '1W',
  '15W',
  '31W',
  '1,L',
  '*/9',
)
const month = constantFrom('*', '2', '3', '11', 'MAR', '10', '3,11', '*/5')
const weekday = constantFrom(
  '*',
  '?',
  '0',
  '7',
  'MON-FRI',
  '0#1',
  '0#2',
  '0#5',
  '0L',
  '5L',
  '+0',
  '+1#1',
  '+FRI#5',
  '+0-6L',
  '+0-6#1',
  '1,3#2',
)
const zone = constantFrom(
  'UTC',
  'America/New_York',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Asia/Kathmandu',
  'America/Sao_Paulo',
  'America/St_Johns',
  'America/Havana',
  'Antarctica/Troll',
  'Pacific/Apia',
)
/** Times around the changes of the clocks of some years, and any times. */
const change = tuple(
  integer({ min: 2001, max: 2040 }),
  constantFrom(2, 3, 9, 10),
  integer({ min: -2 * 86_400, max: 15 * 86_400 }),
).map(([year, at, seconds]) => Date.UTC(year, at, 1) + seconds * 1_000)
const time = oneof(
  change,
  integer({ min: 0, max: 70 * 365 * 86_400 }).map((at) => at * 1_000 + 7),
)

test('every expression has the ticks that the library finds by walking from candidate to candidate', () => {
  const anything = tuple(tuple(second, minute, hour, day, month, weekday), zone, time)
  check(
    property(anything, ([fields, timeZone, atMs]) => {
      const cron = fields.join(' ')
      const ticks = createTicks(new CronPattern(cron), zones(timeZone))
      const library = new Cron(cron, { timezone: timeZone, paused: true })
      const [next, last] = [ticks.after(atMs), ticks.before(atMs)]
      // The library takes minutes for a time that is far away.
      if (next !== undefined && next - atMs < YEAR_MS) {
        expect({ cron, timeZone, atMs, next }).toEqual({
          cron,
          timeZone,
          atMs,
          next: library.nextRun(new Date(atMs))?.getTime(),
        })
      }
      if (last !== undefined && atMs - last < YEAR_MS) {
        expect({ cron, timeZone, atMs, last }).toEqual({
          cron,
          timeZone,
          atMs,
          last: library.previousRuns(1, new Date(atMs))[0]?.getTime(),
        })
      }
    }),
    { numRuns: 400 },
  )
})

test.each([
  ['* * 2 * 3 0#2', 'America/New_York'],
  ['* 2 * 3 0#2', 'America/New_York'],
  ['* * 2 25-31 3 +0', 'Europe/Berlin'],
  ['0 0 29-31 * +0-6#1', 'UTC'],
  ['0 0 1-20 * +0-6L', 'UTC'],
  ['0 0 30 2 *', 'UTC'],
  ['0 0 30W 2 *', 'UTC'],
  ['0 0 31 nov +MON', 'UTC'],
])('the search for a time of %s in %s ends soon, and the gateway refuses it', (cron, timeZone) => {
  const before = process.cpuUsage()
  expect(() => cronTicks.check(cron, timeZone, NOW_MS)).toThrow(/must name a time in the future/)
  const { user, system } = process.cpuUsage(before)
  expect((user + system) / 1_000).toBeLessThan(SEARCH_MAX_MS)
})

test.each([
  ['0 0 29 2 *', 'UTC', '2028-02-29T00:00:00.000Z'],
  ['0 0 29 2 +1', 'UTC', '2044-02-29T00:00:00.000Z'],
  ['0 0 30 2 MON', 'UTC', '2027-02-01T00:00:00.000Z'],
  ['0 0 L 2 *', 'UTC', '2027-02-28T00:00:00.000Z'],
  // The clocks skip this time: a single time of a day comes after the gap.
  ['30 2 25-31 3 +0', 'Europe/Berlin', '2027-03-28T01:00:00.000Z'],
  // The clocks repeat this time: the first one counts.
  ['30 2 25-31 10 +0', 'Europe/Berlin', '2027-10-31T00:30:00.000Z'],
])('the next time of %s in %s is %s', (cron, timeZone, expected) => {
  cronTicks.check(cron, timeZone, NOW_MS)
  expect(new Date(cronTicks.next(cron, timeZone, NOW_MS) ?? 0).toISOString()).toBe(expected)
})

test('a list of ticks has both times of an hour that the clocks repeat', async () => {
  const at = Date.UTC(2026, 9, 24, 23, 59)
  const next = await cronTicks.nextTicks('*/30 2 * * *', 'Europe/Berlin', at, 5)
  const times = ['00:00', '00:30', '01:00', '01:30']
  const expected = times.map((each) => Date.parse(`2026-10-25T${each}:00Z`))
  expect(next.slice(0, 4)).toEqual(expected)
  const last = await cronTicks.previousTicks(
    '*/30 2 * * *',
    'Europe/Berlin',
    Date.UTC(2026, 9, 25, 2),
    4,
  )
  expect(last).toEqual(expected.toReversed())
})

test.each(['Dec 31 2026 10:00 GMT', '2026-12-31T10:00:00 * * * *', '0 0 0 1 1 * 2030'])(
  'the gateway refuses %s, which is a date or names a year, and a stored one never ticks',
  (cron) => {
    expect(() => cronTicks.check(cron, 'UTC', NOW_MS)).toThrow(/\/cron must/)
    if (cron.includes(':')) expect(cronTicks.next(cron, 'UTC', NOW_MS)).toBeUndefined()
  },
)

test('a time zone takes memory once, however it is spelled', () => {
  const name = 'America/Argentina/ComodRivadavia'
  const first = zones(name)
  for (let from = 0; from < name.length; from += 1) {
    const timeZone = name.slice(0, from) + name.slice(from).toUpperCase()
    cronTicks.check('0 6 * * *', timeZone, NOW_MS)
    // Each one holds about 30 kB outside the heap.
    expect(zones(timeZone)).toBe(first)
  }
})

test('an offset in place of a time zone has the ticks of that offset', () => {
  for (const timeZone of ['+05:45', '+0545']) {
    expect(new Date(cronTicks.next('0 6 * * *', timeZone, NOW_MS) ?? 0).toISOString()).toBe(
      '2026-11-30T00:15:00.000Z',
    )
  }
  for (const timeZone of ['+24:00', '+5', 'Mars/Olympus', '']) {
    expect(() => cronTicks.check('0 6 * * *', timeZone, NOW_MS)).toThrow(/IANA time zone/)
  }
})
