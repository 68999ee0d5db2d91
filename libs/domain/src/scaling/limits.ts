import type { Timing } from '../timing.ts'

/**
 * Default limits of scaling: the owner's 2 to 20 nodes; 0.85 is the promised utilisation; windows and panic ratio are
 * Knative's. Growth is bounded only for larger fleets, since answering a jump in two steps makes the tasks of
 * a whole start-up late. The other values were tuned in the simulation.
 */
export const SCALE_LIMITS = {
  nodesMin: 2,
  nodesMax: 20,
  /**
   * Target share of slots in use: the fleet has no more nodes than this allows, as long as tasks still start
   * in time.
   */
  utilisationTarget: 0.85,
  /** The fleet is never planned for a higher share of slots in use, whatever the adviser says. */
  utilisationMax: 0.95,
  /**
   * The node count changes only when the demand differs from the nodes' capacity by more than this share of
   * the demand.
   */
  deadBand: 0.04,
  /** How long a task may wait for its start. */
  waitTargetMs: 10_000,
  /** Tasks an hour that may start late by chance alone; for fewer late tasks no node is added. */
  latePerHour: 100,
  /** Milliseconds from the order of a node until it serves. */
  startupMs: 30_000,
  /** Window of the mean demand. */
  stableMs: 60_000,
  /** Window that shows sudden growth. */
  panicMs: 6_000,
  /** A panic begins when demand over nodes exceeds this, for both windows; and the same for small fleets. */
  panicRatio: 2,
  panicRatioSmall: 1.5,
  /** A fleet below this is small. */
  smallBelowNodes: 5,
  /** Nodes added within `scaleOutWithinMs`: this many, or as many as there are, if that is more. */
  scaleOutStep: 20,
  scaleOutWithinMs: 15_000,
  /**
   * A node is removed only when it was not wanted for this long, and for this many service times: draining
   * takes that long.
   */
  scaleInWindowMs: 60_000,
  scaleInServices: 4,
  /** After a scale-out no scale-in for this long. */
  cooldownMs: 120_000,
  /** Nodes removed at once: this many or this share, the larger of the two, and how often. */
  scaleInStep: 1,
  scaleInShare: 0.1,
  scaleInEveryMs: 30_000,
  /** Share of the provider's answers that may be 429 before growth stops. */
  refusedMax: 0.02,
} as const
/** Limits of scaling. */
export type ScaleLimits = Readonly<Record<keyof typeof SCALE_LIMITS, number>>

/** Windows of demand need a few samples each, and one arrives every half second. */
const PANIC_MIN_MS = 2_000

/** The default limits with their windows at this scale; a node's start takes its time at any scale. */
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
