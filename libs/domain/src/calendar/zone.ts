/** A period with one offset from UTC. */
export interface ZoneStretch {
  readonly startMs: number
  /** The first millisecond after it. */
  readonly endMs: number
  readonly offsetMs: number
}

/** Returns the milliseconds by which a clock of the zone is ahead of UTC at a time. */
export type ZoneOffset = (atMs: number) => number

/** Returns the offset function of a time zone; throws a RangeError if the zone is unknown. */
export type Zones = (timeZone: string) => ZoneOffset

const OFFSET = /([+-])(\d{2}):(\d{2})(?::(\d{2}))?$/
/** An offset in place of a name: newer engines accept it. */
const FIXED = /^([+-])([01]\d|2[0-3])(?::?([0-5]\d))?$/
/** Offsets change at whole seconds. */
const STEP_MS = 1_000
/** More than there are names of zones, of which each holds about 30 kB outside the heap. */
const ZONES_MAX = 1_000

/** Creates the time zones of a process, which keeps each once: letters have thousands of spellings, and names few. */
export function createZones(): Zones {
  const zones = new Map<string, ZoneOffset>()
  return (timeZone) => {
    const name = timeZone.toLowerCase()
    const fixed = FIXED.exec(name)
    if (fixed !== null) return fixedOffset(offsetOf(fixed))
    const known = zones.get(name)
    if (known !== undefined) return known
    const made = zoneOffset(timeZone)
    if (zones.size >= ZONES_MAX) zones.clear()
    zones.set(name, made)
    return made
  }
}

function zoneOffset(timeZone: string): ZoneOffset {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  if (format.resolvedOptions().timeZone === 'UTC') return fixedOffset(0)
  return (atMs) => offsetOf(OFFSET.exec(format.format(atMs)))
}

function fixedOffset(offsetMs: number): ZoneOffset {
  return () => offsetMs
}

/** Zero in zones and at times that have the clock of UTC: the text then ends with GMT. */
function offsetOf(parts: RegExpExecArray | null): number {
  const [, sign, hours = 0, minutes = 0, seconds = 0] = parts ?? []
  const offsetMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000
  return sign === '-' ? -offsetMs : offsetMs
}

/** Splits a time at each change of the offset; of two changes that cancel each other it may see neither. */
export function stretchesBetween(offsetAt: ZoneOffset, fromMs: number, toMs: number) {
  const starts = [fromMs, ...changesBetween(offsetAt, fromMs, toMs)]
  return starts.map((startMs, index): ZoneStretch => {
    return { startMs, endMs: starts[index + 1] ?? toMs, offsetMs: offsetAt(startMs) }
  })
}

function changesBetween(
  offsetAt: ZoneOffset,
  fromMs: number,
  toMs: number,
  before = offsetAt(fromMs),
  after = offsetAt(toMs),
): readonly number[] {
  if (before === after) return []
  if (toMs - fromMs <= STEP_MS) return [toMs]
  const middleMs = fromMs + Math.floor((toMs - fromMs) / 2 / STEP_MS) * STEP_MS
  const middle = offsetAt(middleMs)
  return [
    ...changesBetween(offsetAt, fromMs, middleMs, before, middle),
    ...changesBetween(offsetAt, middleMs, toMs, middle, after),
  ]
}
