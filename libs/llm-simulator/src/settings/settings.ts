/** The bounds of one setting. */
interface Field {
  readonly fallback: number
  readonly min: number
  readonly max: number
  readonly integer: boolean
}

const whole = (fallback: number, min: number, max: number): Field => {
  return { fallback, min, max, integer: true }
}
const real = (fallback: number, min: number, max: number): Field => {
  return { fallback, min, max, integer: false }
}

/** An hour: longer waits are probably typing errors. */
const WAIT_MAX_MS = 3_600_000

/**
 * Every setting once: the same table checks options, the environment and `POST /sim/config`.
 * 0 means "no limit" for rates and budgets.
 */
const FIELDS = {
  /** Milliseconds to the first token; 200 ms is typical of small hosted models. */
  ttftMs: whole(200, 0, WAIT_MAX_MS),
  /** Tokens a second of one answer; 50 is typical of small hosted models. */
  tokensPerSecond: real(50, 0, 1_000_000),
  /** Share by which the first-token time varies from prompt to prompt. */
  jitter: real(0, 0, 1),
  /** Shortest and longest answer when the request sets none. */
  tokensMin: whole(20, 1, 100_000),
  tokensMax: whole(120, 1, 100_000),
  /** Least time between two writes of one stream: tokens due earlier share a write. */
  writeIntervalMs: whole(20, 1, 60_000),
  /** Calls answered at the same time; more are refused with 503. */
  inFlightMax: whole(50_000, 1, 1_000_000),
  /** Budgets of all callers together, as a provider has them for one account. */
  requestsPerMinute: whole(0, 0, 1_000_000_000),
  tokensPerMinute: whole(0, 0, 1_000_000_000),
  /** How much of the budgets may be used at once, as time: 60 s is a whole minute's budget. */
  limitBurstMs: whole(60_000, 1, 60_000),
  /** `Retry-After` of injected 429 answers. */
  retryAfterMs: whole(1_000, 0, WAIT_MAX_MS),
  /** A hanging call is dropped after this long, so that it ends even if its client never does. */
  hangMaxMs: whole(600_000, 1, WAIT_MAX_MS),
  /** Token rate of the slow-drip fault. */
  dripTokensPerSecond: real(1, 0.01, 1_000),
  /** Bytes that may wait for one client before its stream pauses, and how long it may stay so. */
  clientBufferBytesMax: whole(65_536, 1_024, 16_777_216),
  clientStallMs: whole(10_000, 10, WAIT_MAX_MS),
  /** Tasks whose calls are remembered; the oldest is forgotten first. 200,000 take about 100 MB. */
  tasksRememberedMax: whole(200_000, 1, 10_000_000),
  /** 1: any unknown model name behaves as `sim`; 0: the answer is 404. */
  anyModel: whole(0, 0, 1),
  /** Start of the fault dice. */
  seed: whole(1, 0, 4_294_967_295),
  /** Probability of each fault, for calls that do not name one. */
  fault429: real(0, 0, 1),
  fault500: real(0, 0, 1),
  faultHang: real(0, 0, 1),
  faultCut: real(0, 0, 1),
  faultMalformed: real(0, 0, 1),
  faultDrip: real(0, 0, 1),
  /** Probability that a stream has one of the quirks of real endpoints, for calls that do not name one. */
  quirks: real(0, 0, 1),
} as const satisfies Record<string, Field>

/** The name of one setting. */
export type SettingName = keyof typeof FIELDS

/** All settings, each a number; they can be changed while the simulator runs. */
export type SimulatorSettings = Readonly<Record<SettingName, number>>

/** A value, or all problems of what it was read from. */
export type Valid<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }

/** Every setting's name. */
export const SETTING_NAMES = Object.keys(FIELDS) as SettingName[]

/** The default settings. */
export const DEFAULT_SETTINGS = Object.freeze(
  Object.fromEntries(SETTING_NAMES.map((name) => [name, FIELDS[name].fallback])),
) as SimulatorSettings

/** Applies a patch to settings and reports all problems together. */
export function applySettings(
  base: SimulatorSettings,
  patch: Readonly<Record<string, unknown>>,
): Valid<SimulatorSettings> {
  const problems: string[] = []
  const next: Record<SettingName, number> = { ...base }
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue
    if (!isSetting(name)) problems.push(`${name}: is not a setting`)
    else {
      const problem = problemOf(FIELDS[name], value)
      if (problem === undefined) next[name] = value as number
      else
        problems.push(
          `${name}: ${problem}, got ${typeof value === 'number' ? value : JSON.stringify(value)}`,
        )
    }
  }
  if (next.tokensMin > next.tokensMax) problems.push('tokensMin: must not be above tokensMax')
  return problems.length > 0
    ? { kind: 'invalid', problems }
    : { kind: 'ok', value: Object.freeze(next) }
}

/** The environment variable of a setting: `ttftMs` is `SIMULATOR_TTFT_MS`. */
export function environmentName(name: SettingName): string {
  return `SIMULATOR_${name.replace(/([A-Z]|\d+)/g, '_$1').toUpperCase()}`
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(FIELDS, name)
}

function problemOf(field: Field, value: unknown): string | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'must be a number'
  if (field.integer && !Number.isInteger(value)) return 'must be a whole number'
  if (value < field.min || value > field.max) return `must be ${field.min} to ${field.max}`
  return undefined
}
