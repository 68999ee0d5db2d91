/** Numbers, amounts and times as people read them. `—` means that the fleet does not know it. */

const UNKNOWN = '—'

/** A number with thousands separators; shortened above 100,000. */
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
  return `$${value.toFixed(value !== 0 && value < 0.01 ? 4 : 2)}`
}

/** What calls of models cost; without a call nothing is spent. */
export function costOf(usage: {
  readonly llmCalls: number
  readonly costUsd?: number | undefined
}): string {
  return usd(usage.llmCalls === 0 ? 0 : usage.costUsd)
}

/** A share as percent. */
export function percent(share: number | undefined): string {
  return share === undefined || !Number.isFinite(share) ? UNKNOWN : `${Math.round(share * 100)} %`
}

/** Bytes in MB. */
export function megabytes(bytes: number): string {
  return `${number(Math.round(bytes / 1_000_000))} MB`
}

/** A duration such as `840 ms`, `12.4 s`, `3 m 05 s` or `2 h 10 m`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return UNKNOWN
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = ms / 1_000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`
  const hours = seconds / 3_600
  if (hours < 48) return `${Math.floor(hours)} h ${two((seconds / 60) % 60)} m`
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`
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
