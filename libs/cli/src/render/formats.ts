import { count, UNKNOWN } from '@agentfleet/domain'

/** How the command line writes tokens and times; `libs/domain/src/text` writes the other figures. */

/** The tokens of calls, by direction. */
export function tokensText(usage: { inputTokens: number; outputTokens: number }): string {
  return `${count(usage.inputTokens)} of input, ${count(usage.outputTokens)} of output`
}

/** Milliseconds of a time of the API, for `age` and `ago`. */
export function msOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time)
}

/** A time in UTC, to the second. */
export function time(value: string | number | undefined): string {
  if (value === undefined) return UNKNOWN
  return new Date(value)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z/, ' UTC')
}
