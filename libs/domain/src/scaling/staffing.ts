import type { ScaleLimits } from './limits.ts'

/**
 * How many nodes a demand needs: enough that chance alone makes few tasks late, and not so many that the
 * slots are used less than the target.
 *
 * Demand is a mean. The number of running tasks varies around it: by its square root if arrivals are
 * independent, less if tasks are long, because most running tasks still run when a new node serves. The cost
 * of the variation follows Halfin and Whitt: with `b` standard deviations of room a task waits with
 * probability `1 / (1 + b·Φ(b)/φ(b))`, and longer than T with `exp(-b·σ·T/service)` of that (Heavy-traffic
 * limits for queues with many exponential servers, 1981).
 */

/** The inputs of one demand. */
export interface Demand {
  /** Slots in use, mean. */
  readonly slots: number
  /** How long a task holds a slot; undefined when unknown. */
  readonly serviceS: number | undefined
  /** Share of the demand by which it may grow before a new node serves. */
  readonly headroom: number
  /** Slots in use now; left out for the long-run need. */
  readonly held?: number
}

/** From the measurement until the order of a node, seconds. */
const REACTION_S = 10
/** Largest share of the tasks that chance may make late, however few they are. */
const LATE_MAX = 0.05
/** Most standard deviations of room; this many halvings find it to a ten-thousandth. */
const ROOM_MAX = 6
const HALVINGS = 16
/** Whole nodes: rounding errors must not add one. */
const ROUNDING = 1e-9

/** Nodes that this many busy slots need at the target utilisation. */
export function nodesFor(slots: number, slotsPerNode: number, limits: ScaleLimits): number {
  return Math.ceil(slots / (slotsPerNode * limits.utilisationTarget) - ROUNDING)
}

/**
 * Nodes for a demand: as few as the target utilisation allows, and more where chance or growth would make
 * tasks late.
 */
export function staffedNodes(demand: Demand, slotsPerNode: number, limits: ScaleLimits): number {
  const { serviceS, headroom, held = 0 } = demand
  if (serviceS === undefined) return nodesFor(demand.slots, slotsPerNode, limits)
  const kept = keptShare(serviceS, limits)
  const slots = demand.slots + Math.max(0, held - demand.slots) * kept
  const feared = headroom * (1 - kept) * slots
  const needed = slots + roomForChance(slots, serviceS, limits) + feared
  return Math.max(
    Math.ceil(needed / slotsPerNode - ROUNDING),
    Math.ceil(slots / (slotsPerNode * limits.utilisationMax) - ROUNDING),
    Math.floor(slots / (slotsPerNode * limits.utilisationTarget)),
  )
}

/** Standard deviation of the slots in use when a node that is ordered now serves, by chance alone. */
export function swing(slots: number, serviceS: number, limits: ScaleLimits): number {
  return Math.sqrt(Math.max(1, slots * (1 - keptShare(serviceS, limits) ** 2)))
}

/** Share of the tasks running now that still run when a node that is ordered now serves. */
function keptShare(serviceS: number, { startupMs }: ScaleLimits): number {
  return Math.exp(-(startupMs / 1_000 + REACTION_S) / serviceS)
}

/** Slots on top of the mean that keep the tasks late by chance within the limits. */
function roomForChance(slots: number, serviceS: number, limits: ScaleLimits): number {
  const { waitTargetMs, latePerHour } = limits
  const deviation = swing(slots, serviceS, limits)
  const perHour = (slots / serviceS) * 3_600
  const late = Math.min(LATE_MAX, latePerHour / Math.max(1, perHour))
  const decay = (deviation * waitTargetMs) / 1_000 / serviceS
  let [low, high] = [0, ROOM_MAX]
  for (let i = 0; i < HALVINGS; i += 1) {
    const room = (low + high) / 2
    const waits = 1 / (1 + (room * normalBelow(room)) / normalDensity(room))
    if (waits * Math.exp(-room * decay) > late) low = room
    else high = room
  }
  return high * deviation
}

function normalDensity(x: number): number {
  return Math.exp(-(x ** 2) / 2) / Math.sqrt(2 * Math.PI)
}

/** Share of a normal distribution below `x` ≥ 0, to seven digits (Zelen and Severo 1964, 26.2.17). */
function normalBelow(x: number): number {
  const t = 1 / (1 + 0.231_641_9 * x)
  const series = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_53]
  return 1 - normalDensity(x) * t * series.reduce((sum, factor) => sum * t + factor, 0)
}
