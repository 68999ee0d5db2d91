import type { Timing } from '../timing.ts'

/** Limits of scaling. */
export interface ScaleLimits {
  readonly nodesMin: number
  readonly nodesMax: number
  /** Share of slots in use to aim at: no fewer where whole nodes allow it and tasks still start in time. */
  readonly utilisationTarget: number
  /** Share of slots in use that is never planned for, whatever anybody advises. */
  readonly utilisationMax: number
  /** Share of the demand by which it must exceed what the nodes are for, or fall below it, before they change. */
  readonly deadBand: number
  /** How long a task may wait for its start. */
  readonly waitTargetMs: number
  /** Tasks an hour that may start later than that by chance alone: a node less is worth as many. */
  readonly latePerHour: number
  /** From asking for a node until it serves. */
  readonly startupMs: number
  /** Window of the mean demand. */
  readonly stableMs: number
  /** Window that shows sudden growth. */
  readonly panicMs: number
  /** Demand over nodes, both windows compared, that is a panic; and the same for small fleets. */
  readonly panicRatio: number
  readonly panicRatioSmall: number
  /** A fleet is small below this. */
  readonly smallBelowNodes: number
  /** Nodes added within `scaleOutWithinMs`: this many, or as many as there are, whichever is more. */
  readonly scaleOutStep: number
  readonly scaleOutWithinMs: number
  /** A node goes only when it was not wanted for this long, and for so many service times: draining costs that. */
  readonly scaleInWindowMs: number
  readonly scaleInServices: number
  /** After a scale-out no scale-in for this long. */
  readonly cooldownMs: number
  /** Nodes taken away at once: this many or this share, whichever is more, and how often. */
  readonly scaleInStep: number
  readonly scaleInShare: number
  readonly scaleInEveryMs: number
  /** Share of the provider's answers that may be 429, and of its budget that may be used, before growth stops. */
  readonly refusedMax: number
  readonly budgetMax: number
}

/** Windows of demand need a few samples each, and one comes every half second. */
const PANIC_MIN_MS = 2_000

/** The default limits with their windows at this scale; how long a start takes is no choice of ours. */
export function scaleLimitsAt({ scale }: Pick<Timing, 'scale'>): ScaleLimits {
  const scaled = (ms: number): number => Math.round(ms * scale)
  return {
    ...SCALE_LIMITS,
    stableMs: scaled(SCALE_LIMITS.stableMs),
    panicMs: Math.max(Math.min(PANIC_MIN_MS, SCALE_LIMITS.panicMs), scaled(SCALE_LIMITS.panicMs)),
    scaleOutWithinMs: scaled(SCALE_LIMITS.scaleOutWithinMs),
    scaleInWindowMs: scaled(SCALE_LIMITS.scaleInWindowMs),
    cooldownMs: scaled(SCALE_LIMITS.cooldownMs),
    scaleInEveryMs: scaled(SCALE_LIMITS.scaleInEveryMs),
  }
}

/**
 * Defaults: the owner's 2 to 20 nodes; 0.85 is the utilisation promised in the mission; windows and
 * panic ratio are Knative's; growth is bounded only for fleets beyond the owner's, as a jump that is
 * answered in two steps makes a start-up's worth of tasks late; the rest was tuned in the simulation.
 */
export const SCALE_LIMITS: ScaleLimits = {
  nodesMin: 2,
  nodesMax: 20,
  utilisationTarget: 0.85,
  utilisationMax: 0.95,
  deadBand: 0.04,
  waitTargetMs: 10_000,
  latePerHour: 100,
  startupMs: 30_000,
  stableMs: 60_000,
  panicMs: 6_000,
  panicRatio: 2,
  panicRatioSmall: 1.5,
  smallBelowNodes: 5,
  scaleOutStep: 20,
  scaleOutWithinMs: 15_000,
  scaleInWindowMs: 60_000,
  scaleInServices: 4,
  cooldownMs: 120_000,
  scaleInStep: 1,
  scaleInShare: 0.1,
  scaleInEveryMs: 30_000,
  refusedMax: 0.02,
  budgetMax: 0.9,
}
