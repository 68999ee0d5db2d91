/** Numbers, amounts and times as people read them, written as the page writes them. `—` means that the fleet does not know it. */

const UNKNOWN = '—'

/** A number with thousands separators; shortened from a million. */
export function number(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return UNKNOWN
  if (Math.abs(value) >= 1_000_000) return `${(value / 1_000_000).toFixed(2)} M`
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : 1
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

/** A number of things, such as `1 call` and `2 calls`. */
export function counted(value: number, thing: string): string {
  return `${number(value)} ${thing}${value === 1 ? '' : 's'}`
}

/** US dollars: two decimals, four below one cent; a call without a price is unpriced, not free. */
export function usd(value: number | undefined): string {
  if (value === undefined) return 'unpriced'
  if (value === 0) return '$0'
  if (Math.abs(value) >= 0.01) return `$${value.toFixed(2)}`
  return Math.abs(value) < 0.000_05 ? '< $0.0001' : `$${value.toFixed(4)}`
}

/** Says what calls of models cost: nothing without a call, and at least the known cost if some calls have no price. */
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

/** The tokens of calls, by direction. */
export function tokensText(usage: { inputTokens: number; outputTokens: number }): string {
  return `${number(usage.inputTokens)} of input, ${number(usage.outputTokens)} of output`
}

/** A share as percent; only nothing is 0 %, and only all is 100 %. */
export function percent(share: number | undefined): string {
  if (share === undefined || !Number.isFinite(share)) return UNKNOWN
  if (share > 0 && share < 0.005) return '< 1 %'
  return share < 1 && share >= 0.995 ? '> 99 %' : `${Math.round(share * 100)} %`
}

/** A size such as `512 B` or `1.50 MB`. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let size = value
  let unit = 0
  for (; size >= 1_000 && unit < units.length - 1; unit += 1) size /= 1_000
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`
}

/** A duration such as `840 ms`, `12.4 s`, `3 m 05 s`, `2 h 10 m` or `3 d 4 h`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return UNKNOWN
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = ms / 1_000
  // 59.96 s would be rounded to 60.0 s.
  if (seconds < 60) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`
  const hours = seconds / 3_600
  if (hours < 24) return `${Math.floor(hours)} h ${two((seconds / 60) % 60)} m`
  return `${Math.floor(hours / 24)} d ${Math.floor(hours % 24)} h`
}

/** How long ago a time of the API was. */
export function age(time: string | number | undefined, nowMs: number): string {
  if (time === undefined) return UNKNOWN
  const atMs = typeof time === 'number' ? time : Date.parse(time)
  return duration(Math.max(0, nowMs - atMs))
}

/** A time in UTC, to the second. */
export function time(value: string | number | undefined): string {
  if (value === undefined) return UNKNOWN
  return new Date(value)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z/, ' UTC')
}
