import { isOutsideCalendar } from '@agentfleet/domain'
import { createSlices } from '@agentfleet/runtime'
import { Cron } from 'croner'
import { wrongField } from '../http/problems.ts'

/** The shortest period in milliseconds; a shorter one should be a loop. */
const PERIOD_MIN_MS = 1_000
/** Five fields, or six if seconds come first. */
const FIELDS = new Set([5, 6])

/** Returns the next tick of a checked expression; undefined if there is none. */
export function nextTick(cron: string, timeZone: string, atMs: number): Date | undefined {
  return parsed(cron, timeZone).nextRun(new Date(atMs)) ?? undefined
}

/** Returns the next ticks of a checked expression, at most so many. */
export function nextTicks(cron: string, timeZone: string, atMs: number, count: number) {
  const expression = parsed(cron, timeZone)
  return ticksFrom(atMs, count, (from) => expression.nextRun(from))
}

/** Returns the last ticks of a checked expression, newest first, at most so many. */
export function previousTicks(cron: string, timeZone: string, atMs: number, count: number) {
  const expression = parsed(cron, timeZone)
  return ticksFrom(atMs, count, (from) => expression.previousRuns(1, from)[0])
}

/** Two ticks may be decades apart, and the search takes milliseconds, so others get their turn in between. */
async function ticksFrom(
  atMs: number,
  count: number,
  step: (from: Date) => Date | null | undefined,
): Promise<Date[]> {
  const ticks: Date[] = []
  const pause = createSlices()
  for (let tick = step(new Date(atMs)); tick; tick = step(tick)) {
    ticks.push(tick)
    if (ticks.length >= count) break
    await pause()
  }
  return ticks
}

/** Throws a Refusal if the expression is invalid, never ticks or ticks too often. */
export function checkCron(cron: string, timeZone: string, atMs: number): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch {
    throw wrongField('/timeZone', 'must be an IANA time zone such as Europe/Berlin')
  }
  if (!cron.startsWith('@') && !FIELDS.has(cron.trim().split(/\s+/).length)) {
    throw wrongField('/cron', 'must have five fields, or six fields if seconds come first')
  }
  if (isOutsideCalendar(cron)) throw never()
  let ticks: Date[]
  try {
    ticks = parsed(cron, timeZone).nextRuns(2, new Date(atMs))
  } catch (error) {
    // The library puts the name of its class first, which says nothing to the caller, and a dot last.
    const message = error instanceof Error ? error.message : ''
    const reason = message.replace(/^Cron\w*: |\.$/g, '')
    throw wrongField('/cron', `must be a cron expression: ${reason}`)
  }
  const [first, second] = ticks
  if (first === undefined) throw never()
  if (second !== undefined && second.getTime() - first.getTime() < PERIOD_MIN_MS) {
    throw wrongField('/cron', 'must name at most one time a second')
  }
}

function never() {
  return wrongField('/cron', 'must name a time in the future; check that its months have its days')
}

function parsed(cron: string, timeZone: string): Cron {
  return new Cron(cron, { timezone: timeZone, paused: true })
}
