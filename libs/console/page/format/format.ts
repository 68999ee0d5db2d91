/** How the page writes numbers, money, times and durations. Pure: the caller passes the time. */

/** Stands for a value that the API does not give. */
export const UNKNOWN = '—'
/** From here on a count is shortened; its title has all digits. */
const SHORT_FROM = 100_000
/** Below this a rate is given for a minute. */
const RARE_PER_SECOND = 0.1
/** Below this a cost has four decimals, USD. */
const SMALL_USD = 0.01

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Writes a count: `12,345`, from 100,000 `1.24 M`. */
export function count(value: number | undefined): string {
  if (value === undefined) return UNKNOWN
  if (Math.abs(value) < SHORT_FROM) return grouped(Math.round(value))
  const [divisor, unit] = scaleOf(Math.abs(value))
  return `${(value / divisor).toPrecision(3)} ${unit}`
}

/** Intl would take most of the time in which thousands of bars are computed. */
function grouped(value: number): string {
  const text = String(value)
  return Math.abs(value) < 1_000 ? text : text.replace(/(\d{3})$/, ',$1')
}

function scaleOf(size: number): readonly [divisor: number, unit: string] {
  if (size >= 1e9) return [1e9, 'G']
  return size >= 1e6 ? [1e6, 'M'] : [1e3, 'k']
}

/** Writes how often something happens, given for a second: `4.2 /s`, and what is rare for a minute: `1.5 /min`. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '0 /s'
  const [value, unit] = perSecond < RARE_PER_SECOND ? [perSecond * 60, 'min'] : [perSecond, 's']
  return `${value < 0.05 ? '< 0.1' : value.toFixed(value < 10 ? 1 : 0)} /${unit}`
}

/** Writes an amount of US dollars; a call without a price is unpriced, not free. */
export function usd(value: number | undefined): string {
  if (value === undefined) return 'unpriced'
  if (value === 0) return '$0'
  if (Math.abs(value) >= SMALL_USD) return `$${value.toFixed(2)}`
  return Math.abs(value) < 0.000_05 ? '< $0.0001' : `$${value.toFixed(4)}`
}

/** Writes what calls of models cost: nothing without a call, and at least the known cost if some calls have no price. */
export function costOf(usage: {
  readonly llmCalls?: number
  readonly costUsd?: number | undefined
  readonly unpricedCalls?: number | undefined
}): string {
  const { llmCalls, costUsd, unpricedCalls = 0 } = usage
  if (llmCalls === 0) return usd(0)
  if (unpricedCalls === 0) return usd(costUsd)
  if (costUsd === undefined || costUsd === 0) return usd(undefined)
  return `≥ ${costUsd < 0.000_05 ? '$0' : usd(costUsd)}`
}

/** Cuts a text that is longer than a reader takes in at a glance; surrogate pairs stay whole. */
export function shortened(text: string, chars: number): string {
  if (text.length <= chars) return text
  return `${text.slice(0, chars).replace(/[\uD800-\uDBFF]$/, '')} …`
}

/** Writes a share of one as a percentage; only nothing is 0 %, and only all is 100 %. */
export function percent(share: number | undefined): string {
  if (share === undefined) return UNKNOWN
  if (share > 0 && share < 0.005) return '< 1 %'
  return share < 1 && share >= 0.995 ? '> 99 %' : `${Math.round(share * 100)} %`
}

/** Writes a duration: `840 ms`, `12.4 s`, `3 m 05 s`, `2 h 10 m`, `3 d 4 h`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return UNKNOWN
  const value = Math.max(0, ms)
  if (value < SECOND_MS) return `${Math.round(value)} ms`
  if (value < MINUTE_MS) {
    // 59.96 s would be written as 60.0 s.
    const tenths = Math.floor(value / 100) / 10
    return `${tenths.toFixed(1)} s`
  }
  if (value < HOUR_MS) return pair(value, MINUTE_MS, 'm', SECOND_MS, 's')
  if (value < DAY_MS) return pair(value, HOUR_MS, 'h', MINUTE_MS, 'm')
  return pair(value, DAY_MS, 'd', HOUR_MS, 'h', 1)
}

function pair(
  value: number,
  largeMs: number,
  large: string,
  smallMs: number,
  small: string,
  digits = 2,
): string {
  const first = Math.floor(value / largeMs)
  const second = Math.floor((value % largeMs) / smallMs)
  return `${first} ${large} ${String(second).padStart(digits, '0')} ${small}`
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

/** Writes a size in bytes: `512 B`, `1.5 MB`. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return UNKNOWN
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let size = value
  let unit = 0
  for (; size >= 1_000 && unit < units.length - 1; unit += 1) size /= 1_000
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`
}

/** Writes a number with the right form of its noun: `1 task`, `2 tasks`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Writes any value for people to read: texts unchanged, other values as indented JSON. */
export function readable(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value, null, 2) ?? ''
}
