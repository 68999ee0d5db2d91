import { count, duration, UNKNOWN } from '@agentfleet/domain'

/** How the command line writes tokens and times; `libs/domain/src/text` writes the other figures. */

/** The tokens of calls, by direction. */
export function tokensText(usage: { inputTokens: number; outputTokens: number }): string {
  return `${count(usage.inputTokens)} of input, ${count(usage.outputTokens)} of output`
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
