import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '@agentfleet/domain'
import type { Command, Input } from '../command.ts'
import { MissingArgument, UsageError } from '../exit.ts'

/** The text of an option. */
export function textOf({ values }: Input, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** The value of an option that takes only these. */
export function choiceOf<T extends string>(
  input: Input,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = textOf(input, name)
  return choices.find((choice) => choice === text)
}

/** Whether an option is set. */
export function isSet({ values }: Input, name: string): boolean {
  return values[name] === true
}

/** Every text of an option that can be repeated. */
export function textsOf({ values }: Input, name: string): readonly string[] {
  const value = values[name]
  return Array.isArray(value) ? (value as readonly string[]) : []
}

/** The texts of an option that can be repeated; undefined without any. */
export function listOf(input: Input, name: string): string[] | undefined {
  const texts = textsOf(input, name)
  return texts.length === 0 ? undefined : [...texts]
}

interface Bounds {
  readonly min: number
  readonly max: number
}

/** A whole number within these bounds. */
export function wholeOf(input: Input, name: string, bounds: Bounds): number | undefined {
  return numberOf(input, name, bounds, Number.isInteger, 'a whole number')
}

/** A number within these bounds. */
export function amountOf(input: Input, name: string, bounds: Bounds): number | undefined {
  return numberOf(input, name, bounds, Number.isFinite, 'a number')
}

function numberOf(
  input: Input,
  name: string,
  { min, max }: Bounds,
  fits: (value: number) => boolean,
  kind: string,
): number | undefined {
  const text = textOf(input, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && fits(value) && value >= min && value <= max) return value
  throw new UsageError(`--${name} must be ${kind} from ${min} to ${max}, not "${text}".`)
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/
const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND_MS,
  m: MINUTE_MS,
  h: HOUR_MS,
  d: DAY_MS,
}

/** A century: calendars of computers end. */
const DURATION_MAX_MS = 36_500 * DAY_MS

/** A duration such as `90s`, `10m`, `2h` or `500ms`, in milliseconds. */
export function durationOf(input: Input, name: string): number | undefined {
  const text = textOf(input, name)
  if (text === undefined) return undefined
  const [, number = '', unit = ''] = DURATION.exec(text) ?? []
  const ms = Math.round(Number(number) * (UNITS_MS[unit] ?? NaN))
  if (ms <= DURATION_MAX_MS) return ms
  if (ms > DURATION_MAX_MS) throw new UsageError(`--${name} is at most 36500d, not "${text}".`)
  throw new UsageError(
    `--${name} must be a duration such as 500ms, 90s, 10m, 2h or 1d, not "${text}".`,
  )
}

/** Pairs such as `team=support` of an option that can be repeated. */
export function pairsOf(input: Input, name: string): Record<string, string> | undefined {
  const texts = textsOf(input, name)
  if (texts.length === 0) return undefined
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf('=')
    if (at <= 0)
      throw new UsageError(`--${name} must be a pair such as team=support, not "${text}".`)
    return [text.slice(0, at), text.slice(at + 1)]
  })
  const twice = pairs.find(([key, value], at) =>
    pairs.some(([other, another], index) => index < at && other === key && another !== value),
  )
  if (twice === undefined) return Object.fromEntries(pairs)
  throw new UsageError(`--${name} has two values for "${twice[0]}". Give one of them.`)
}

const DAY = /^\d{4}-\d\d-\d\d$/
/** Also as the command line prints times, and without a zone: then in UTC. */
const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|UTC|[+-]\d\d:\d\d)?$/

/** The time of such a text as RFC 3339; undefined: there is no such day or time. */
function exactTime(text: string): string | undefined {
  const [, day = '', clock = '', zone = 'Z'] = TIME.exec(text) ?? []
  if (day === '') return isDay(text) ? text : undefined
  const atMs = Date.parse(`${day}T${clock}${zone === 'UTC' ? 'Z' : zone}`)
  return isDay(day) && !Number.isNaN(atMs) ? new Date(atMs).toISOString() : undefined
}

/** Whether the calendar has this day: a date of JavaScript turns 30 February into 2 March. */
function isDay(text: string): boolean {
  if (!DAY.test(text)) return false
  const atMs = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(text)
}

/**
 * A time as the API takes it: a day unchanged, a time as RFC 3339, `today` and `yesterday` as days (UTC), and
 * a duration such as `2h` as the time that long ago.
 */
export function timeOf(input: Input, name: string, nowMs: number): string | undefined {
  const text = textOf(input, name)
  if (text === undefined) return undefined
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
  if (text === 'today') return day(nowMs)
  if (text === 'yesterday') return day(nowMs - DAY_MS)
  if (DURATION.test(text)) {
    return new Date(nowMs - (durationOf(input, name) ?? 0)).toISOString()
  }
  const exact = exactTime(text)
  if (exact !== undefined) return exact
  throw new UsageError(
    `--${name} must be a day (2026-01-31), a time (2026-01-31T12:00:00Z), today, yesterday or an age such as 2h, not "${text}".`,
  )
}

/** A day (UTC) as the API takes it: also `today`, `yesterday`, and the day of so long ago. */
export function dayOf(input: Input, name: string, nowMs: number): string | undefined {
  const text = textOf(input, name)
  if (text === undefined) return undefined
  const day = timeOf(input, name, nowMs)?.slice(0, 10)
  // A day with a time would be read as a part of this day.
  if (day === text || !/^\d{4}/.test(text)) return day
  throw new UsageError(
    `--${name} must be a day such as 2026-01-31, today, yesterday or an age such as 7d, not "${text}".`,
  )
}

/** The first argument of a command, or a MissingArgument: `missing` says which argument the command needs. */
export function oneArgument(args: readonly string[], missing: string): string {
  const [first] = args
  if (first === undefined || first.trim() === '') throw new MissingArgument(missing)
  return first
}

/** The refusal of a first word that the command does not know. */
export function notOneOf(word: string, { words = [] }: Pick<Command, 'words'>): UsageError {
  return new UsageError(`"${word}" is not one of ${words.join(', ')}.`)
}

/** A file as a person names it. */
export function placeOf(path: string): string {
  return path === '-' ? 'the standard input' : path
}

/** JSON text as a value; the error names its place. */
export function jsonOf(text: string, place: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`${place} is not JSON (${reason}).`)
  }
}
