/**
 * The tasks of a simulated world: a trace, scaled to the fleet, as a count of tasks for each tick and a
 * duration for each task. All policies of a run meet the same tasks.
 */
import { readFile } from 'node:fs/promises'
import { WrongUse } from '../command/flags.ts'
import { readTrace, requireFile } from '../replay/trace.ts'
import { normal, poisson, seededRandom } from './random.ts'

/** A recorded load: rates that hold for a while, or single requests. */
export type Trace =
  | { readonly kind: 'rates'; readonly stepS: number; readonly perS: readonly number[] }
  | { readonly kind: 'requests'; readonly atS: readonly number[] }

/** The tasks of one run. */
export interface Traffic {
  readonly tickS: number
  /** Tasks that arrive in each tick. */
  readonly arrivals: Uint32Array
  /** Durations in ticks; task number k has `durations[k % durations.length]`. */
  readonly durations: Uint16Array
  /** Mean duration in ticks, as drawn. */
  readonly meanTicks: number
  readonly tasks: number
  /** Arrivals of the busiest stretch of the trace, a second. */
  readonly peakPerS: number
  /** The factor of the trace's rates. */
  readonly scale: number
}

const RATES_HEAD = 'start_s,rate_per_s'
const REQUESTS_MAX = 2_000_000
/** Requests are counted over a minute to find the busiest one: shorter stretches are chance. */
const PEAK_OVER_S = 60
/** Copies of a request are spread over this time, so that scaling up does not make bursts. */
const COPIES_WITHIN_S = 10
/** A prime number of durations: no pattern of arrivals meets the same ones again. */
const DURATIONS = 65_521
/** The longest task in means: a deadline would end longer ones. */
const LONGEST_MEANS = 20
/** A tick is at most this, and at most a quarter of a service time, seconds. */
const TICK_MAX_S = 1
const TICK_MIN_S = 0.25

/** Reads either kind of trace; throws a WrongUse. */
export async function readAnyTrace(file: string): Promise<Trace> {
  await requireFile(file)
  const text = await readFile(file, 'utf8')
  const [head = '', ...lines] = text.trim().split(/\r?\n/)
  if (head.trim() !== RATES_HEAD) {
    const rows = await readTrace(file, REQUESTS_MAX)
    if (rows.length < 2) throw new WrongUse(`${file} contains no load`)
    return { kind: 'requests', atS: rows.map(({ atMs }) => atMs / 1_000) }
  }
  const rows = lines.map((line) => line.split(',').map(Number))
  const stepS = (rows[1]?.[0] ?? 0) - (rows[0]?.[0] ?? 0)
  const perS = rows.map(([startS = Number.NaN, rate = Number.NaN], index) => {
    const expected = (rows[0]?.[0] ?? 0) + index * stepS
    if (!(rate >= 0) || Math.abs(startS - expected) > 1e-6) {
      throw new WrongUse(
        `${file}:${index + 2} is not a row of evenly spaced rates: ${lines[index]}`,
      )
    }
    return rate
  })
  if (!(stepS > 0)) throw new WrongUse(`${file} needs two rows at least`)
  return { kind: 'rates', stepS, perS }
}

/** The settings that turn a trace into traffic. */
interface TrafficOptions {
  readonly trace: Trace
  readonly seed: number
  /** Mean service time and the sigma of its lognormal distribution. */
  readonly serviceS: number
  readonly sigma: number
  /** Slots that are busy at the busiest stretch; the trace is scaled to that. */
  readonly peakSlots: number
  /** Length of the used part of the trace. */
  readonly seconds: number
}

/** Draws the tasks of a run. */
export function drawTraffic(options: TrafficOptions): Traffic {
  const { trace, seed, serviceS, sigma } = options
  const tickS = Math.min(TICK_MAX_S, Math.max(TICK_MIN_S, serviceS / 4))
  const random = seededRandom(seed)
  const durations = drawDurations(serviceS / tickS, sigma, random)
  const meanTicks = durations.reduce((sum, ticks) => sum + ticks, 0) / durations.length
  const recordedPeak = peakOf(trace, options.seconds)
  const peakPerS = options.peakSlots / (meanTicks * tickS)
  const scale = peakPerS / recordedPeak
  const ticks = Math.floor(Math.min(options.seconds, lengthOf(trace)) / tickS)
  const arrivals = new Uint32Array(ticks)
  if (trace.kind === 'rates') {
    for (let tick = 0; tick < ticks; tick += 1) {
      const rate = trace.perS[Math.floor((tick * tickS) / trace.stepS)] ?? 0
      arrivals[tick] = poisson(rate * scale * tickS, random)
    }
  } else {
    for (const atS of trace.atS) {
      const copies = Math.floor(scale + random())
      for (let copy = 0; copy < copies; copy += 1) {
        const tick = Math.floor((atS + (copy === 0 ? 0 : random() * COPIES_WITHIN_S)) / tickS)
        if (tick < ticks) arrivals[tick] = (arrivals[tick] ?? 0) + 1
      }
    }
  }
  const tasks = arrivals.reduce((sum, count) => sum + count, 0)
  return { tickS, arrivals, durations, meanTicks, tasks, peakPerS, scale }
}

/** Lognormal durations in whole ticks, rounded by chance so that the mean stays. */
function drawDurations(meanTicks: number, sigma: number, random: () => number): Uint16Array {
  const mu = Math.log(meanTicks) - sigma ** 2 / 2
  return Uint16Array.from({ length: DURATIONS }, () => {
    const exact = Math.min(LONGEST_MEANS * meanTicks, Math.exp(mu + sigma * normal(random)))
    return Math.max(1, Math.floor(exact + random()))
  })
}

function lengthOf(trace: Trace): number {
  return trace.kind === 'rates' ? trace.perS.length * trace.stepS : (trace.atS.at(-1) ?? 0)
}

function peakOf(trace: Trace, seconds: number): number {
  if (trace.kind === 'rates') {
    return Math.max(...trace.perS.slice(0, Math.max(1, Math.ceil(seconds / trace.stepS))))
  }
  const counts = new Map<number, number>()
  for (const atS of trace.atS) {
    if (atS >= seconds) break
    const minute = Math.floor(atS / PEAK_OVER_S)
    counts.set(minute, (counts.get(minute) ?? 0) + 1)
  }
  return Math.max(...counts.values()) / PEAK_OVER_S
}
