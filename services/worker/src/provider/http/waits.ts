/** The pauses that providers ask for, as numbers, durations, dates and sentences. */

/**
 * Milliseconds of the longest pause that a provider can ask for; after that the call is tried
 * again.
 */
export const RETRY_AFTER_MAX_MS = 300_000

/**
 * Numbers from these on are times since 1970, not pauses: in nanoseconds, microseconds,
 * milliseconds and seconds. The second value is the milliseconds of one unit.
 */
const INSTANTS: readonly (readonly [from: number, unitMs: number])[] = [
  [1e18, 1e-6],
  [1e15, 1e-3],
  [1e12, 1],
  [1e9, 1_000],
]

/**
 * Returns the milliseconds of a pause: a number of `unitMs`, a duration (1m2.5s, PT30S), or the time
 * of its end as a number or as a date. Anything else is undefined; a time in the past is negative.
 */
export function waitOf(
  text: string | undefined,
  nowMs: number,
  unitMs = 1_000,
): number | undefined {
  if (typeof text !== 'string') return undefined
  // In quotes, with a sign, or in front of a comment or of further values.
  const bare = text.trim().replace(/^(["'])(.*)\1$/, '$2')
  const [, plain = bare] = /^["'+]?(\d[\d.]*)["']?\s*(?:[,;].*)?$/.exec(bare) ?? []
  if (/^\d{1,300}(\.\d{1,20})?$/.test(plain.trim())) {
    const number = Number(plain)
    const instant = INSTANTS.find(([from]) => number >= from)
    return Math.ceil(instant === undefined ? number * unitMs : number * instant[1] - nowMs)
  }
  // Without the name of a month, a date parser accepts nearly any text.
  const zoned = bare.replace(/^(\d{4}-\d\d-\d\d) ([\d:.]+)$/, '$1T$2Z')
  const atMs = MONTH.test(zoned) || /^\d{4}-\d\d-\d\dT/.test(zoned) ? Date.parse(zoned) : Number.NaN
  return Number.isNaN(atMs) ? durationOf(bare.replace(/^P(\d+D)?T?(?=\d|$)/, '$1')) : atMs - nowMs
}

const MONTH = /\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)/i
/** A number with its unit; the names of units in full or as their first letters. */
const PART =
  '(\\d{1,9}(?:\\.\\d{1,20})?)\\s?(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])'
const DURATION = new RegExp(`(?:${PART}[\\s,.]*(?:and )?)+`, 'i')
/** Milliseconds of the units by their first letters. */
const UNITS_MS: readonly (readonly [RegExp, number])[] = [
  [/^m(s|illi)/i, 1],
  [/^s/i, 1_000],
  [/^m/i, 60_000],
  [/^h/i, 3_600_000],
  [/^d/i, 86_400_000],
]

/** Returns the milliseconds of a text that consists only of numbers with units. */
function durationOf(text: string): number | undefined {
  if (DURATION.exec(text)?.[0] !== text || text === '') return undefined
  let waitMs = 0
  for (const [, count, unit = ''] of text.matchAll(new RegExp(PART, 'gi'))) {
    waitMs += Number(count) * (UNITS_MS.find(([name]) => name.test(unit))?.[1] ?? 0)
  }
  return Math.ceil(waitMs)
}

/** A sentence that asks for a pause. */
const ASKED = new RegExp(
  `(?:try again|retry|wait|resets?|available)(?:[ -]after)?(?: in| for| at least)?:? (${DURATION.source})`,
  'i',
)

/** Returns the pause that a sentence asks for ("try again in 6.5s"), in milliseconds. */
export function askedWaitIn(message: string): number | undefined {
  const asked = ASKED.exec(message)?.[1]
  const waitMs = asked === undefined ? undefined : durationOf(asked)
  return waitMs === undefined ? undefined : Math.min(RETRY_AFTER_MAX_MS, waitMs)
}
