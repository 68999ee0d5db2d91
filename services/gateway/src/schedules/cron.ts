import { createTicks, createZones, type Ticks } from '@agentfleet/domain'
import { createSlices } from '@agentfleet/runtime'
import { CronPattern } from 'croner'
import { wrongField } from '../http/problems.ts'

/** The times that cron expressions name; all in milliseconds. */
export type CronTicks = ReturnType<typeof createCronTicks>

/** Five fields, or six if seconds come first. */
const FIELDS = new Set([5, 6])

/** Creates the ticks; they keep each time zone once. */
export function createCronTicks() {
  const zones = createZones()

  /** Undefined if the stored text cannot be read: the library once took a date for an expression. */
  function ticksOf(cron: string, timeZone: string): Ticks | undefined {
    try {
      return createTicks(new CronPattern(cron), zones(timeZone))
    } catch {
      return undefined
    }
  }

  return {
    /** Throws a Refusal if the expression is invalid or never ticks. */
    check(cron: string, timeZone: string, atMs: number): void {
      const ticks = createTicks(patternOf(cron), offsetOf(timeZone))
      if (ticks.after(atMs) !== undefined) return
      const detail = 'must name a time in the future; check that its months have its days'
      throw wrongField(
        '/cron',
        `${detail}, and that the clocks of its time zone do not skip its times`,
      )
    },
    /** Returns the next tick of a stored expression; undefined if there is none. */
    next: (cron: string, timeZone: string, atMs: number) => ticksOf(cron, timeZone)?.after(atMs),
    /** Returns the next ticks of a stored expression, at most so many. */
    nextTicks: (cron: string, timeZone: string, atMs: number, count: number) =>
      ticksFrom(atMs, count, ticksOf(cron, timeZone)?.after),
    /** Returns the last ticks of a stored expression, newest first, at most so many. */
    previousTicks: (cron: string, timeZone: string, atMs: number, count: number) =>
      ticksFrom(atMs, count, ticksOf(cron, timeZone)?.before),
  }

  function offsetOf(timeZone: string) {
    try {
      return zones(timeZone)
    } catch {
      throw wrongField('/timeZone', 'must be an IANA time zone such as Europe/Berlin')
    }
  }
}

/** Throws a Refusal if the expression is invalid. */
function patternOf(cron: string): CronPattern {
  if (!cron.startsWith('@') && !FIELDS.has(cron.trim().split(/\s+/).length)) {
    throw wrongField('/cron', 'must have five fields, or six fields if seconds come first')
  }
  try {
    return new CronPattern(cron)
  } catch (error) {
    // The library puts the name of its class first, which says nothing to the caller, and a dot last.
    const message = error instanceof Error ? error.message : ''
    const reason = message.replace(/^Cron\w*: |\.$/g, '')
    throw wrongField('/cron', `must be a cron expression: ${reason}`)
  }
}

/** Two ticks may be decades apart, and the search takes milliseconds, so others get their turn in between. */
async function ticksFrom(
  atMs: number,
  count: number,
  step: ((fromMs: number) => number | undefined) | undefined,
): Promise<number[]> {
  const ticks: number[] = []
  const pause = createSlices()
  for (let tickMs = step?.(atMs); tickMs !== undefined; tickMs = step?.(tickMs)) {
    ticks.push(tickMs)
    if (ticks.length >= count) break
    await pause()
  }
  return ticks
}
