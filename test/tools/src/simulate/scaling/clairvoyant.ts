/**
 * The clairvoyant: knows every arrival and every duration beforehand.
 *
 * From the slots that would be busy if no task ever waited, it makes a plan of node counts: smoothed over the
 * wait target (a task may wait that long), times a factor, rounded up. It fills dips that are shorter than
 * the cost of removing and adding a node, and orders each node one start-up before it is needed. It searches
 * the factor and the shortest dip of the cheapest plan that reaches the goal *in the same world*; so its
 * figures are those of a run, not a theoretical bound.
 */
import type { Traffic } from '../traffic.ts'
import { runWorld, type FleetOptions, type Outcome, type Scaler } from './world.ts'

/** Node counts are planned for stretches of this length. */
const STRETCH_S = 10
/** Dips that are filled, seconds: the first is tried with all factors, the others near its best. */
const DIPS_S = [120, 40, 300] as const
const FACTOR_LOW = 0.7
const FACTOR_HIGH = 1.6
/** Halvings of the range of factors: to one percent, and then to a third of one. */
const STEPS = 6
const STEPS_NEAR = 4
const NEAR = 0.03

/** The cheapest plan found that starts this share of tasks in time. */
export function runClairvoyant(traffic: Traffic, options: FleetOptions, goal: number): Outcome {
  const stretches = busyStretches(traffic, options.waitTargetS)
  let best: { readonly outcome: Outcome; readonly factor: number } | undefined
  const halve = (dipS: number, from: number, to: number, steps: number): void => {
    let [low, high] = [from, to]
    for (let step = 0; step < steps; step += 1) {
      const factor = (low + high) / 2
      const outcome = runWorld(traffic, options, planned(stretches, options, factor, dipS))
      if (outcome.withinTarget < goal * outcome.started) {
        low = factor
        continue
      }
      high = factor
      if (best === undefined || outcome.nodeHours < best.outcome.nodeHours) {
        best = { outcome, factor }
      }
    }
  }
  const [usual, ...others] = DIPS_S
  halve(usual, FACTOR_LOW, FACTOR_HIGH, STEPS)
  const near = best?.factor ?? FACTOR_HIGH
  for (const dipS of [usual, ...others]) halve(dipS, near - NEAR, near + NEAR, STEPS_NEAR)
  return (
    best?.outcome ?? runWorld(traffic, options, planned(stretches, options, FACTOR_HIGH, usual))
  )
}

/** The most busy slots of each stretch without any waiting, smoothed over the wait target. */
function busyStretches(traffic: Traffic, waitTargetS: number): Float64Array {
  const { arrivals, durations, tickS } = traffic
  const change = new Float64Array(arrivals.length + 1)
  let next = 0
  arrivals.forEach((count, tick) => {
    change[tick] = (change[tick] ?? 0) + count
    for (let i = 0; i < count; i += 1) {
      const end = Math.min(arrivals.length, tick + (durations[next] ?? 1))
      next = next + 1 < durations.length ? next + 1 : 0
      change[end] = (change[end] ?? 0) - 1
    }
  })
  const busy = new Float64Array(arrivals.length)
  let now = 0
  for (let tick = 0; tick < busy.length; tick += 1) busy[tick] = now += change[tick] ?? 0
  const smooth = Math.max(1, Math.round(waitTargetS / tickS))
  const per = Math.round(STRETCH_S / tickS)
  const stretches = new Float64Array(Math.ceil(busy.length / per))
  let sum = 0
  for (let tick = 0; tick < busy.length; tick += 1) {
    sum += (busy[tick] ?? 0) - (tick >= smooth ? (busy[tick - smooth] ?? 0) : 0)
    const stretch = Math.floor(tick / per)
    stretches[stretch] = Math.max(stretches[stretch] ?? 0, sum / Math.min(smooth, tick + 1))
  }
  return stretches
}

function planned(
  stretches: Float64Array,
  options: FleetOptions,
  factor: number,
  dipS: number,
): Scaler {
  const needed = stretches.map((busy) =>
    Math.min(
      options.nodesMax,
      Math.max(options.nodesMin, Math.ceil((busy * factor) / options.slots)),
    ),
  )
  const dip = Math.ceil(dipS / STRETCH_S)
  const ahead = Math.ceil(options.startupS / STRETCH_S)
  // Fills dips: nodes that were needed just now and are needed soon are kept in between.
  const soon = slidingMax(needed, dip)
  const kept = slidingMin(soon, dip)
  const plan = slidingMax(kept, ahead)
  return {
    name: 'clairvoyant',
    periodMs: STRETCH_S * 1_000,
    decide: ({ nowMs }) => plan[Math.round(nowMs / 1_000 / STRETCH_S)] ?? options.nodesMin,
  }
}

/** The highest of each value and the `count` after it. */
function slidingMax(values: Float64Array, count: number): Float64Array {
  return values.map((_, at) => Math.max(...values.subarray(at, at + count + 1)))
}

/** The lowest of each value and the `count` before it. */
function slidingMin(values: Float64Array, count: number): Float64Array {
  return values.map((_, at) => Math.min(...values.subarray(Math.max(0, at - count), at + 1)))
}
