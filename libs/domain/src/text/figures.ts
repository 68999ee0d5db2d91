import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../durations.ts'

/** How the page and the command line write figures, so that both write the same figure in the same way. */

/** Stands for a value that the API does not give. */
export const UNKNOWN = '—'
/** From here on a count has three digits and a unit. */
const SHORT_FROM = 1_000_000
/** From here on three digits would be written as the next unit: 999,600 B is 1.00 MB. */
const NEXT_UNIT_FROM = 999.5
/** Below this a cost has four decimals, USD. */
const SMALL_USD = 0.01
/** Below this four decimals would be zeros, USD. */
const TINY_USD = 0.000_05
/** A lower limit is written as this one, because a token of the cheapest model costs more, USD. */
const LEAST_LIMIT_USD = 0.000_000_001

/** Writes a count: `12,345`, from a million `1.24 M`; a fraction below 100 has one decimal. */
export function count(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return UNKNOWN
  const size = Math.abs(value)
  if (size >= SHORT_FROM) return scaled(value / SHORT_FROM, ['M', 'G', 'T'])
  return size < 100 && !Number.isInteger(value) ? value.toFixed(1) : grouped(Math.round(value))
}

/** Intl would take most of the time in which thousands of bars are computed. */
function grouped(value: number): string {
  const text = String(value)
  return Math.abs(value) < 1_000 ? text : text.replace(/(\d{3})$/, ',$1')
}

function scaled(value: number, units: readonly string[]): string {
  let size = value
  let unit = 0
  for (; Math.abs(size) >= NEXT_UNIT_FROM && unit < units.length - 1; unit += 1) size /= 1_000
  const digits = Math.abs(size) >= NEXT_UNIT_FROM ? String(Math.round(size)) : size.toPrecision(3)
  return `${digits} ${units[unit]}`
}

/** Writes a number with the right form of its noun: `1 task`, `2 tasks`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Writes an amount of US dollars: two decimals, four below one cent; a call without a price is unpriced, not free. */
export function usd(value: number | undefined): string {
  if (value === undefined) return 'unpriced'
  if (value === 0) return '$0'
  if (Math.abs(value) >= SMALL_USD) return `$${value.toFixed(2)}`
  return Math.abs(value) < TINY_USD ? '< $0.0001' : `$${value.toFixed(4)}`
}

/** Writes a limit in US dollars; below one cent with two significant digits, because a limit says what is allowed. */
export function usdLimit(value: number): string {
  if (value >= SMALL_USD || value <= 0) return usd(value)
  const limit = Math.max(value, LEAST_LIMIT_USD)
  const decimals = 1 - Math.floor(Math.log10(limit))
  return `$${limit.toFixed(decimals).replace(/0{1,20}$/, '')}`
}

/** Writes a limit behind the amount that it limits; nothing if there is none. */
export function ofAtMost<Value>(limit: Value | undefined, write: (limit: Value) => string): string {
  return limit === undefined ? '' : ` of at most ${write(limit)}`
}

/** Writes what calls of models cost: nothing without a call, and at least the known cost if some calls have no price. */
export function costText(usage: {
  readonly llmCalls?: number
  readonly costUsd?: number | undefined
  readonly unpricedCalls?: number | undefined
}): string {
  const { llmCalls, costUsd, unpricedCalls = 0 } = usage
  if (llmCalls === 0) return usd(0)
  if (unpricedCalls === 0) return usd(costUsd)
  if (costUsd === undefined || costUsd === 0) return usd(undefined)
  return `≥ ${costUsd < TINY_USD ? '$0' : usd(costUsd)}`
}

/** Writes a share of one as a percentage; only nothing is 0 %, and only all is 100 %. */
export function percent(share: number | undefined): string {
  if (share === undefined || !Number.isFinite(share)) return UNKNOWN
  if (share > 0 && share < 0.005) return '< 1 %'
  return share < 1 && share >= 0.995 ? '> 99 %' : `${Math.round(share * 100)} %`
}

/** Writes a size in bytes: `512 B`, `1.50 MB`. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return UNKNOWN
  return value < 1_000 ? `${value} B` : scaled(value / 1_000, ['kB', 'MB', 'GB', 'TB'])
}

/** Writes a duration: `840 ms`, `12.4 s`, `3 m 05 s`, `2 h 10 m`, `3 d 4 h`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return UNKNOWN
  const value = Math.max(0, Math.round(ms))
  if (value < SECOND_MS) return `${value} ms`
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
