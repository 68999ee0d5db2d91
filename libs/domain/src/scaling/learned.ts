import {
  forecastDemand,
  NO_FORECAST,
  rememberForecast,
  type Forecast,
  type ForecastState,
} from './forecast.ts'
import type { ScaleLimits } from './limits.ts'
import {
  NO_LOAD,
  rememberLoad,
  viewLoad,
  type LoadState,
  type LoadSample,
  type LoadView,
} from './load.ts'
import { nodesFor, staffedNodes } from './staffing.ts'

/**
 * All that an autoscaler keeps between two decisions, as one plain value.
 *
 * Invariant: a learned state with gaps never shrinks a fleet. A missing sample empties the window of wanted
 * counts, and a window that does not reach back far enough wants infinitely many nodes.
 */

/** Assumed length of tasks that seem not to end: they keep a fleet large no longer than this, milliseconds. */
const WINDOW_MORE_MAX_MS = 540_000

/** How many nodes were wanted at one time. */
interface Wish {
  readonly atMs: number
  readonly nodes: number
}

/** The learned state between decisions. */
export interface LearnedState {
  readonly load: LoadState
  readonly forecast: ForecastState
  /** The time since which wanted counts are known without a gap; undefined if none is known. */
  readonly wishesSinceMs: number | undefined
  /** Wanted counts that no later one reached, so the first is the highest of the window. */
  readonly wishes: readonly Wish[]
  /** Time at which the panic ends. */
  readonly panicUntilMs: number
}

/** The learned state of a new autoscaler. */
export const NO_LEARNED_STATE: LearnedState = {
  load: NO_LOAD,
  forecast: NO_FORECAST,
  wishesSinceMs: undefined,
  wishes: [],
  panicUntilMs: 0,
}

/** The learned state's readings at one time. */
export interface Outlook extends LoadView {
  /** Slots in demand, corrected for chance. */
  readonly demand: number
  readonly forecast: Forecast
  readonly panicking: boolean
  /** The most nodes wanted within the scale-down window; Infinity when the window is not full. */
  readonly wantedMax: number
}

/** Adds what was observed; `sample` is undefined when figures are missing. */
export function rememberScaling(
  learned: LearnedState,
  sample: LoadSample | undefined,
  slotsPerNode: number,
  limits: ScaleLimits,
): LearnedState {
  if (sample === undefined || slotsPerNode <= 0) {
    return { ...learned, wishesSinceMs: undefined, wishes: [] }
  }
  const nowMs = sample.atMs
  const load = rememberLoad(learned.load, sample, limits)
  const view = viewLoad(load, learned.forecast.level, limits, nowMs)
  const forecast = rememberForecast(learned.forecast, view, sample, limits)
  const panicRatio =
    sample.nodes < limits.smallBelowNodes ? limits.panicRatioSmall : limits.panicRatio
  const panics =
    nodesFor(view.panic, slotsPerNode, limits) / Math.max(1, sample.nodes) >= panicRatio
  const lasting = {
    // Slightly more than the estimate; otherwise the next fluctuation would order the removed node again.
    slots: forecast.level * (1 + limits.deadBand),
    serviceS: view.serviceS,
    headroom: forecastDemand(forecast, limits).headroom,
  }
  const wish = staffedNodes(lasting, slotsPerNode, limits)
  const gap = learned.wishesSinceMs === undefined || load.samples.length === 1
  const wishes = gap ? [] : learned.wishes.filter(({ nodes }) => nodes > wish)
  while ((wishes[0]?.atMs ?? nowMs) < nowMs - scaleInWindow(view, limits)) wishes.shift()
  wishes.push({ atMs: nowMs, nodes: wish })
  return {
    load,
    forecast,
    wishesSinceMs: gap ? nowMs : learned.wishesSinceMs,
    wishes,
    panicUntilMs: panics ? nowMs + limits.stableMs : learned.panicUntilMs,
  }
}

/** Reads the learned state. */
export function outlook(learned: LearnedState, limits: ScaleLimits, nowMs: number): Outlook {
  const { wishesSinceMs } = learned
  const view = viewLoad(learned.load, learned.forecast.level, limits, nowMs)
  const full = wishesSinceMs !== undefined && wishesSinceMs <= nowMs - scaleInWindow(view, limits)
  return {
    ...view,
    demand: learned.forecast.level,
    forecast: forecastDemand(learned.forecast, limits),
    panicking: nowMs < learned.panicUntilMs,
    wantedMax: full ? (learned.wishes[0]?.nodes ?? Infinity) : Infinity,
  }
}

/** How long a node must not have been wanted. */
function scaleInWindow({ serviceS = 0 }: LoadView, limits: ScaleLimits): number {
  const serviceMs = limits.scaleInServices * serviceS * 1_000
  return limits.scaleInWindowMs + Math.min(WINDOW_MORE_MAX_MS, serviceMs)
}
