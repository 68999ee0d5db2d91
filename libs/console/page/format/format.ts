import { UNKNOWN } from '@agentfleet/domain'

/** How the page writes rates, times with their zone, and values; `libs/domain/src/text` writes the other figures. */

/** Below this a rate is given for a minute. */
const RARE_PER_SECOND = 0.1

/** Writes how often something happens, given for a second: `4.2 /s`, and what is rare for a minute: `1.5 /min`. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '0 /s'
  const [value, unit] = perSecond < RARE_PER_SECOND ? [perSecond * 60, 'min'] : [perSecond, 's']
  return `${value < 0.05 ? '< 0.1' : value.toFixed(value < 10 ? 1 : 0)} /${unit}`
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
