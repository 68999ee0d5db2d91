import { defineQuestion, withinBounds, type Adviser } from '@agentfleet/adviser'
import {
  ADVICE_BOUNDS,
  type ForecastState,
  type ScaleAdvice,
  type ScaleDecision,
  type ScaleLimits,
} from '@agentfleet/domain'
import type { AdviceRecord } from '@agentfleet/protocol'
import { z } from 'zod'
import type { FleetState } from '../fleet/observer.ts'

/**
 * The advice of an LLM for the scaling policy: bounded, short-lived, and requested in the background.
 *
 * Invariants: A1 the loop never waits for advice; A2 only advice that is applied (mode `on`), clamped and
 * younger than its lifetime reaches the policy; A3 advice can raise the floor, delay a scale-in and move the
 * target utilisation; it cannot order a scale-in, choose a victim, or change the limits or the panic mode.
 */

/** The causes of the present demand that an adviser can name. */
const CAUSES = [
  'steady',
  'ramp-up',
  'burst',
  'ramp-down',
  'provider-limited',
  'stuck-work',
  'unclear',
] as const

const answerSchema = z.strictObject({
  cause: z.enum(CAUSES),
  floorDelta: z.number(),
  targetUtil: z.number(),
  holdScaleDownMs: z.number(),
  ttlMs: z.number(),
})
/** The adviser's answer. */
type ScaleAnswer = z.infer<typeof answerSchema>

const seen = {
  nodes: 'number',
  nodesMin: 'number',
  nodesMax: 'number',
  slotsPerNode: 'number',
  running: 'number',
  queued: 'number',
  wanted: 'number',
  arrivalsPerMin: 'number',
  demandChange: 'number',
  throttledShare: 'number',
  responseMs: 'number',
  sinceUpMs: 'number',
  sinceDownMs: 'number',
} as const
/** The figures that the adviser gets. */
type ScaleFigures = { readonly [name in keyof typeof seen]: number }

const TTL_MS = 600_000
/** Milliseconds; advice is ready for the next tick or not used. */
const TIMEOUT_MS = 5_000
const WHILE_MOVING_MS = 60_000
const WHILE_STEADY_MS = 900_000
/** Demand that changes by more than this share within a minute is not stationary. */
const MOVING_SHARE = 0.1
/** Milliseconds; all longer times count as equal. */
const LONG_AGO_MS = 86_400_000

/** The question of the autoscaler. */
const SCALE_QUESTION = defineQuestion({
  name: 'scale',
  instruction: [
    'You advise the autoscaler of a fleet of nodes that run LLM tasks.',
    'A deterministic policy decides the number of nodes; your advice may only correct the policy.',
    'All times are in milliseconds.',
    'demandChange is the growth of the demand in the last minute as a share of the demand.',
    'throttledShare is the share of calls that the LLM provider refused with a rate limit.',
    'Name the cause of the current demand.',
    'floorDelta is the number of nodes to keep in addition to the wish of the policy, from 0 to 2.',
    'targetUtil is the share of slots that should be in use, from 0.75 to 0.9.',
    'A targetUtil of 0.85 is usual, and a lower value is better for bursts.',
    'holdScaleDownMs is the time for which the fleet removes no node, from 0 to 600000.',
    'ttlMs is the time for which your advice is valid, at most 600000.',
    'If the provider refuses calls, more nodes do not help, so answer with floorDelta 0.',
  ].join(' '),
  seen,
  schema: answerSchema,
  clamp: (answer) => {
    const whole = { ...answer, floorDelta: Math.round(answer.floorDelta) }
    return withinBounds(whole, ADVICE_BOUNDS)
  },
  followsPolicy: (answer) =>
    answer.floorDelta === 0 && answer.holdScaleDownMs === 0 && answer.targetUtil === 0.85,
  bucket: (figures) => ({
    nodes: figures.nodes,
    wanted: figures.wanted,
    load: coarse(figures.running + figures.queued),
    queued: coarse(figures.queued),
    change: Math.round(figures.demandChange * 5) / 5,
    throttled: Math.round(figures.throttledShare * 20) / 20,
  }),
  ttlMs: TTL_MS,
  timeoutMs: TIMEOUT_MS,
})

/** Advice for the policy, and the record of the question. */
interface AdviceNow {
  readonly applied: ScaleAnswer | undefined
  readonly record: AdviceRecord | undefined
}

/** Asks for advice periodically and returns the valid one. */
export interface Advising {
  /** Asks in the background if it is time to. */
  consider(figures: ScaleFigures, nowMs: number): void
  current(nowMs: number): AdviceNow
}

/** Creates advising with this adviser, which may be off. */
export function createAdvising(adviser: Pick<Adviser, 'refresh' | 'current' | 'mode'>): Advising {
  let askedAtMs = -Infinity
  return {
    consider(figures, nowMs) {
      if (adviser.mode === 'off') return
      const moving = Math.abs(figures.demandChange) > MOVING_SHARE || figures.throttledShare > 0
      if (nowMs - askedAtMs < (moving ? WHILE_MOVING_MS : WHILE_STEADY_MS)) return
      askedAtMs = nowMs
      adviser.refresh(SCALE_QUESTION, figures)
    },
    current(nowMs) {
      const advice = adviser.current(SCALE_QUESTION)
      if (advice.kind !== 'applied') return { applied: undefined, record: advice.record }
      const { answer, record } = advice
      // A2: the answer may name a shorter lifetime than the adviser allows.
      const untilMs = record.askedAtMs + answer.ttlMs
      if (nowMs < untilMs) return { applied: answer, record }
      return { applied: undefined, record: { ...record, outcome: 'expired' } }
    },
  }
}

/** Converts applied advice to the policy's terms. */
export function adviceFor({ applied, record }: AdviceNow): ScaleAdvice | undefined {
  if (applied === undefined || record === undefined) return undefined
  const { floorDelta, targetUtil, holdScaleDownMs, ttlMs } = applied
  return { floorDelta, targetUtil, holdScaleDownMs, ttlMs, givenAtMs: record.askedAtMs }
}

/** Returns the figures of one observation for the adviser. */
export function figuresFor(
  fleet: FleetState,
  alone: ScaleDecision,
  forecast: ForecastState,
  limits: ScaleLimits,
): ScaleFigures {
  const { seen, nowMs } = fleet
  const since = (atMs: number): number => Math.min(LONG_AGO_MS, Math.max(0, nowMs - atMs))
  return {
    nodes: seen.nodes,
    nodesMin: limits.nodesMin,
    nodesMax: limits.nodesMax,
    slotsPerNode: seen.slotsPerNode,
    running: seen.running,
    queued: seen.queued,
    wanted: alone.nodes,
    arrivalsPerMin: (seen.outlook.arrivalsPerS ?? 0) * 60,
    demandChange: forecast.level <= 0 ? 0 : (forecast.growth * 60) / forecast.level,
    throttledShare: seen.throttledShare ?? 0,
    responseMs: fleet.responseMs,
    sinceUpMs: since(seen.scaledOutAtMs),
    sinceDownMs: since(seen.scaledInAtMs),
  }
}

/** Rounds to two significant binary digits, so that similar loads look equal. */
function coarse(value: number): number {
  return value <= 0 ? 0 : 2 ** (Math.round(Math.log2(value) * 2) / 2)
}
