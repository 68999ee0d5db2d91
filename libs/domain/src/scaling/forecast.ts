import type { LoadSample, LoadView } from './load.ts'
import { type ScaleLimits } from './limits.ts'
import { swing } from './staffing.ts'

/**
 * The demand when a node that is ordered now will serve. The forecast is the trend of a Kalman filter, or
 * that trend with the growth of yesterday or of last week at this hour, depending on which has erred
 * least. Its headroom is the amount by which it was too low, beyond chance, 49 times of 50: none for a
 * steady load, a fifth for a load that jumps. The forecast is used as a floor, so a wrong one costs node
 * time and never a wait.
 */

/** One way to forecast, and its record. */
interface Forecaster {
  /** Mean relative error of its forecasts. */
  readonly error: number
  /** The relative shortfall, beyond chance, that 98% of its forecasts stayed below. */
  readonly shortfall: number
}

/** The learned state of the forecast: some hundred numbers that can be stored and taken over. */
export interface ForecastState {
  readonly atMs: number
  /** Demand in slots, its growth a second, and the covariance of both. */
  readonly level: number
  readonly growth: number
  readonly covariance: readonly [level: number, both: number, growth: number]
  /** Mean demand of every ten minutes of a week, by time of the week; -1 where unknown. */
  readonly week: readonly number[]
  /** The ten minutes whose mean is being taken. */
  readonly bin: number
  readonly binSum: number
  readonly binCount: number
  /** Forecasts that are not due yet, in the order of `FORECASTERS`. */
  readonly pending: readonly { readonly dueMs: number; readonly slots: readonly number[] }[]
  readonly forecasters: readonly Forecaster[]
}

const FORECASTERS = ['trend', 'day', 'week'] as const

/** The forecast of one moment. */
export interface Forecast {
  /** Slots in demand, with the headroom. */
  readonly slots: number
  readonly by: (typeof FORECASTERS)[number]
  readonly headroom: number
}

const BIN_MS = 600_000
const BINS_DAY = 144
const BINS_WEEK = 1_008
/** Between two updates: fine enough for a start-up, coarse enough for counts, milliseconds. */
const UPDATE_MS = 10_000
/** The forecast is for when a node serves, and this much later, milliseconds. */
const BEYOND_STARTUP_MS = 30_000
/** Assumed drift: demand by this share a √second, its growth by this share a second and √second. */
const LEVEL_NOISE = 0.004
const GROWTH_NOISE = 0.000_02
/** A measurement beyond this many standard deviations is not chance. */
const SURPRISE_SIGMAS = 3
/** Growth is limited to this share of the level within the lead. */
const GROWTH_MAX = 0.5
/** Yesterday's growth is limited to these shares. */
const SEASON_RATIO = [0.67, 1.5] as const
/** Weight of a new error: it forgets within an hour or two. */
const ERROR_WEIGHT = 0.01
/** Step of the quantile: it rises within an hour or two and is unlearned within half a day. */
const QUANTILE = 0.98
const QUANTILE_STEP = 0.003
/** This many standard deviations are chance, and already provided for. */
const CHANCE_SIGMAS = 2
const PENDING_MAX = 64

/** Creates a forecast that has seen no load yet. */
export const NO_FORECAST: ForecastState = {
  atMs: 0,
  level: 0,
  growth: 0,
  covariance: [0, 0, 0],
  week: [],
  bin: -1,
  binSum: 0,
  binCount: 0,
  pending: [],
  // The trend needs no past, so it goes first.
  forecasters: [
    { error: 0.05, shortfall: 0.05 },
    { error: 0.1, shortfall: 0.05 },
    { error: 0.1, shortfall: 0.05 },
  ],
}

/** Learns from the load; cheap when no forecast is due. */
export function rememberForecast(
  learned: ForecastState,
  view: LoadView,
  sample: LoadSample,
  limits: ScaleLimits,
): ForecastState {
  const elapsedMs = sample.atMs - learned.atMs
  if (elapsedMs >= 0 && elapsedMs < UPDATE_MS) return learned
  const measured = measure(view)
  const fresh = learned.atMs === 0 || elapsedMs < 0 || elapsedMs > limits.stableMs
  const filtered = fresh
    ? { level: measured.slots, growth: 0, covariance: [measured.variance, 0, 0] as const }
    : filter(learned, measured, elapsedMs / 1_000)
  const season = rememberSeason(learned, filtered.level, sample.atMs)
  const { pending, forecasters } = score(learned, view, sample.atMs, limits)
  const next = { ...learned, ...filtered, ...season, forecasters, pending, atMs: sample.atMs }
  const leadMs = limits.startupMs + BEYOND_STARTUP_MS
  const slots = FORECASTERS.map((_, index) => ahead(next, index, leadMs))
  return {
    ...next,
    pending: [...pending, { dueMs: sample.atMs + leadMs, slots }].slice(-PENDING_MAX),
  }
}

/** Demand at the time when a node that is ordered now will serve. */
export function forecastDemand(learned: ForecastState, limits: ScaleLimits): Forecast {
  let best = 0
  learned.forecasters.forEach(({ error }, index) => {
    if (index > 0 && season(learned, index, limits.startupMs) === undefined) return
    if (error < (learned.forecasters[best]?.error ?? Infinity)) best = index
  })
  const headroom = learned.forecasters[best]?.shortfall ?? 0
  const slots = ahead(learned, best, limits.startupMs + BEYOND_STARTUP_MS) * (1 + headroom)
  return { slots, by: FORECASTERS[best] ?? 'trend', headroom }
}

function measure({ arrivalsPerS, serviceS, stable }: LoadView): {
  slots: number
  variance: number
} {
  if (arrivalsPerS === undefined || serviceS === undefined) {
    return { slots: stable, variance: Math.max(1, stable) }
  }
  const slots = arrivalsPerS * serviceS
  // Counts vary by chance with their own size as variance; all but one update of the window was seen before.
  return { slots, variance: Math.max(1, (slots * serviceS * 1_000) / UPDATE_MS) }
}

/** One step of a Kalman filter with a level and its growth. */
function filter(
  { level, growth, covariance: [ll, lg, gg] }: ForecastState,
  { slots, variance }: { slots: number; variance: number },
  s: number,
): Pick<ForecastState, 'level' | 'growth' | 'covariance'> {
  const size = Math.max(1, level)
  const predicted = level + growth * s
  const pll = ll + 2 * s * lg + s * s * gg + (LEVEL_NOISE * size) ** 2 * s
  const plg = lg + s * gg
  const pgg = gg + (GROWTH_NOISE * size) ** 2 * s
  const gainLevel = pll / (pll + variance)
  const gainGrowth = plg / (pll + variance)
  const surprise = slots - predicted
  // Beyond chance the load has jumped: the filter starts again at the measured level.
  if (surprise ** 2 > SURPRISE_SIGMAS ** 2 * (pll + variance)) {
    return { level: slots, growth: 0, covariance: [variance, 0, 0] }
  }
  return {
    level: Math.max(0, predicted + gainLevel * surprise),
    growth: growth + gainGrowth * surprise,
    covariance: [(1 - gainLevel) * pll, (1 - gainLevel) * plg, pgg - gainGrowth * plg],
  }
}

function rememberSeason(
  learned: ForecastState,
  level: number,
  atMs: number,
): Pick<ForecastState, 'week' | 'bin' | 'binSum' | 'binCount'> {
  const bin = Math.floor(atMs / BIN_MS)
  if (bin === learned.bin) {
    const { week, binSum, binCount } = learned
    return { week, bin, binSum: binSum + level, binCount: binCount + 1 }
  }
  const week =
    learned.week.length === BINS_WEEK
      ? [...learned.week]
      : Array.from({ length: BINS_WEEK }, () => -1)
  // Means of ten minutes that no process observed are forgotten; they would be two weeks old.
  for (let gone = Math.max(learned.bin + 1, bin - BINS_WEEK); gone < bin; gone += 1) {
    week[gone % BINS_WEEK] = -1
  }
  if (learned.binCount > 0 && bin - learned.bin < BINS_WEEK) {
    week[learned.bin % BINS_WEEK] = Math.round((learned.binSum / learned.binCount) * 10) / 10
  }
  return { week, bin, binSum: level, binCount: 1 }
}

/** Compares due forecasts with the measured demand. */
function score(
  learned: ForecastState,
  { stable, serviceS }: LoadView,
  nowMs: number,
  limits: ScaleLimits,
): Pick<ForecastState, 'pending' | 'forecasters'> {
  const due = learned.pending.filter(({ dueMs }) => dueMs <= nowMs)
  if (due.length === 0) return learned
  const forecasters = learned.forecasters.map(({ error, shortfall }, index) => {
    let next = { error, shortfall }
    for (const { slots } of due) {
      const forecast = Math.max(1, slots[index] ?? 0)
      const miss = (stable - forecast) / forecast
      const chance = CHANCE_SIGMAS * swingOfMean(forecast, serviceS, limits)
      const step = miss - chance / forecast > next.shortfall ? QUANTILE : QUANTILE - 1
      next = {
        error: next.error + ERROR_WEIGHT * (Math.min(1, Math.abs(miss)) - next.error),
        shortfall: Math.min(1, Math.max(0, next.shortfall + QUANTILE_STEP * step)),
      }
    }
    return next
  })
  return { pending: learned.pending.filter(({ dueMs }) => dueMs > nowMs), forecasters }
}

/**
 * Standard deviation by chance of the slots in use, mean of the stable window: the longer tasks run, the less
 * it averages out.
 */
function swingOfMean(slots: number, serviceS: number | undefined, limits: ScaleLimits): number {
  const stableS = limits.stableMs / 1_000
  const service = serviceS ?? stableS
  const windows = stableS / service
  const evened = (2 / windows) * (1 - (1 - Math.exp(-windows)) / windows)
  return Math.sqrt(evened) * swing(slots, service, limits)
}

/** The forecast by one method, without headroom. */
function ahead(learned: ForecastState, index: number, leadMs: number): number {
  if (index > 0) return learned.level * (season(learned, index, leadMs) ?? 1)
  const growth = (learned.growth * leadMs) / 1_000
  const bound = learned.level * GROWTH_MAX
  return learned.level + Math.min(bound, Math.max(-bound, growth))
}

/** The growth of demand within the lead a day or a week ago; undefined when unknown. */
function season(learned: ForecastState, index: number, leadMs: number): number | undefined {
  const back = index === 1 ? BINS_DAY : BINS_WEEK
  const before = seasonAt(learned, learned.atMs - back * BIN_MS)
  const after = seasonAt(learned, learned.atMs + leadMs - back * BIN_MS)
  if (before === undefined || after === undefined || before <= 0) return undefined
  return Math.min(SEASON_RATIO[1], Math.max(SEASON_RATIO[0], after / before))
}

/** Demand at one time of the last week, interpolated between the middles of its ten minutes. */
function seasonAt({ week }: ForecastState, atMs: number): number | undefined {
  const position = atMs / BIN_MS - 0.5
  const bin = Math.floor(position)
  const [left, right] = [week[bin % BINS_WEEK], week[(bin + 1) % BINS_WEEK]]
  if (left === undefined || right === undefined || left < 0 || right < 0) return undefined
  return left + (right - left) * (position - bin)
}
