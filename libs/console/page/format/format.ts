import { UNKNOWN } from '@agentfleet/domain'

/** How the page writes times, rates and texts; `libs/domain/src/text` writes the other figures. Pure: the caller passes the time. */

/** Below this a rate is given for a minute. */
const RARE_PER_SECOND = 0.1

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Writes how often something happens, given for a second: `4.2 /s`, and what is rare for a minute: `1.5 /min`. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '0 /s'
  const [value, unit] = perSecond < RARE_PER_SECOND ? [perSecond * 60, 'min'] : [perSecond, 's']
  return `${value < 0.05 ? '< 0.1' : value.toFixed(value < 10 ? 1 : 0)} /${unit}`
}

/** Cuts a text that is longer than a reader takes in at a glance; surrogate pairs stay whole. */
export function shortened(text: string, chars: number): string {
  if (text.length <= chars) return text
  return `${text.slice(0, chars).replace(/[\uD800-\uDBFF]$/, '')} …`
}

/** Writes how long ago a time was, roughly: `now`, `12 s ago`, `in 3 m`. */
export function ago(atMs: number, nowMs: number): string {
  const ms = nowMs - atMs
  const size = Math.abs(ms)
  if (size < SECOND_MS) return 'now'
  const text = rough(size)
  return ms >= 0 ? `${text} ago` : `in ${text}`
}

function rough(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} m`
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h`
  return `${Math.floor(ms / DAY_MS)} d`
}

/** Making a format takes longer than a hundred uses of it; the empty name is the reader's zone. */
const instantFormats = new Map<string, Intl.DateTimeFormat>()

/** Writes a time with date, seconds and zone, in the reader's zone or the named one. */
export function instant(atMs: number, timeZone = ''): string {
  if (!Number.isFinite(atMs)) return UNKNOWN
  const format = instantFormats.get(timeZone) ?? instantFormat(timeZone)
  instantFormats.set(timeZone, format)
  return format.format(atMs)
}

function instantFormat(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', {
    year: 'numeric',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
    ...(timeZone === '' ? {} : { timeZone }),
  })
}

/** Writes any value for people to read: texts unchanged, other values as indented JSON. */
export function readable(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value, null, 2) ?? ''
}
