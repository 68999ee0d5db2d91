import type { ScaleLimits } from './limits.ts'

/** The adviser's request; it expires by itself, and its bounds are checked again here. */
export interface ScaleAdvice {
  /** Nodes on top of the demand. */
  readonly floorDelta: number
  readonly targetUtil: number
  readonly holdScaleDownMs: number
  readonly givenAtMs: number
  readonly ttlMs: number
}

/** Bounds of advice: it may add a few nodes, hold for a while and move the target within a band. */
export const ADVICE_BOUNDS = {
  floorDelta: [0, 2],
  targetUtil: [0.75, 0.9],
  holdScaleDownMs: [0, 600_000],
  ttlMs: [0, 600_000],
} as const

/** Share of tasks that must have started in time before a target above the default is accepted. */
const ATTAINMENT_FOR_MORE = 0.995

/** The advice that applies at one time. */
interface AdviceInForce {
  readonly floorDelta: number
  readonly targetUtil: number
  readonly holdUntilMs: number
}

/** Clamps advice; expired, malformed or missing advice counts as no advice. */
export function adviceInForce(
  advice: ScaleAdvice | undefined,
  attainment: number | undefined,
  limits: ScaleLimits,
  nowMs: number,
): AdviceInForce {
  const none = { floorDelta: 0, targetUtil: limits.utilisationTarget, holdUntilMs: 0 }
  if (advice === undefined || !Object.values(advice).every(Number.isFinite)) return none
  const ttlMs = within(advice.ttlMs, ADVICE_BOUNDS.ttlMs)
  if (nowMs < advice.givenAtMs || nowMs >= advice.givenAtMs + ttlMs) return none
  const target = within(advice.targetUtil, ADVICE_BOUNDS.targetUtil)
  const trusted = (attainment ?? 0) >= ATTAINMENT_FOR_MORE
  return {
    floorDelta: Math.round(within(advice.floorDelta, ADVICE_BOUNDS.floorDelta)),
    targetUtil: trusted ? target : Math.min(target, limits.utilisationTarget),
    holdUntilMs: advice.givenAtMs + within(advice.holdScaleDownMs, ADVICE_BOUNDS.holdScaleDownMs),
  }
}

function within(value: number, [low, high]: readonly [number, number]): number {
  return Math.min(high, Math.max(low, value))
}
